-- Derived: keys with their ends and tenures, who an agent speaks for, and under which bindings each statement was signed.
DROP TABLE bindings;
CREATE TABLE bindings (
    idx INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    key_id BLOB NOT NULL,
    domain TEXT NOT NULL,
    key TEXT NOT NULL,
    proof TEXT NOT NULL,
    bound_at INTEGER NOT NULL,
    new_tenure INTEGER NOT NULL,
    ended_idx INTEGER,
    ended_at INTEGER,
    cause TEXT
);
CREATE UNIQUE INDEX bindings_by_id ON bindings (id);
CREATE INDEX bindings_by_domain ON bindings (domain, idx);
CREATE INDEX bindings_by_key ON bindings (key_id, idx);
ALTER TABLE statements ADD COLUMN under TEXT NOT NULL DEFAULT '[]';
ALTER TABLE statements ADD COLUMN speaks_for TEXT;

-- Ephemeral: what the last looks at the domains' own publications came to.
CREATE TABLE proof_checks (
    binding BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    missing_since INTEGER,
    unreachable_since INTEGER
) WITHOUT ROWID;
