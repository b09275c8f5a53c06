-- Ephemeral: who is told of changes where, and how far each has been told. Lost, it is asked for again.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    authority TEXT NOT NULL,
    url TEXT NOT NULL,
    filter TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    next INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    failure TEXT,
    given_up INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX webhooks_by_authority ON webhooks (authority);
CREATE INDEX webhooks_by_due ON webhooks (given_up, due_at);
