-- Primary: what the registry can't make again.
CREATE TABLE registry (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE leaves (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL, registered_at INTEGER NOT NULL);
CREATE INDEX leaves_by_time ON leaves (registered_at);
CREATE TABLE published (commitment BLOB PRIMARY KEY, blob BLOB NOT NULL);
CREATE TABLE lists (list BLOB PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL);

-- Derived: `rebuild` makes these again from the above.
CREATE TABLE tiles (level INTEGER NOT NULL, idx INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (level, idx)) WITHOUT ROWID;
CREATE TABLE statements (
    idx INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    commitment BLOB NOT NULL,
    issuer TEXT NOT NULL,
    authority TEXT NOT NULL,
    kind TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    signed_by TEXT NOT NULL,
    tenure_from INTEGER,
    proven INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX statements_by_issuer ON statements (issuer, idx);
CREATE INDEX statements_by_kind ON statements (kind, idx);
CREATE TABLE names (
    named BLOB NOT NULL,
    idx INTEGER NOT NULL,
    relation TEXT NOT NULL,
    PRIMARY KEY (named, idx, relation)
) WITHOUT ROWID;
CREATE TABLE bindings (
    key_id BLOB NOT NULL,
    domain TEXT NOT NULL,
    idx INTEGER NOT NULL,
    key TEXT NOT NULL,
    proof TEXT NOT NULL,
    bound_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, domain)
) WITHOUT ROWID;
CREATE INDEX bindings_by_domain ON bindings (domain, idx);
CREATE TABLE documents (
    kind INTEGER NOT NULL,
    name BLOB NOT NULL,
    idx INTEGER NOT NULL,
    line INTEGER NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (kind, name, idx, line)
) WITHOUT ROWID;
CREATE TABLE claims (
    kind INTEGER NOT NULL,
    name BLOB NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (kind, name, idx)
) WITHOUT ROWID;
