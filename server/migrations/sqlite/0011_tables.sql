-- Primary: the files of provenance tables in parts of 256 KiB, each under its own manifest statement: two houses that sign the same file
-- have one each, so that neither can spoil or erase the other's.
CREATE TABLE table_parts (statement BLOB NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (statement, part));

-- Derived: which manifests are tables, and which of their rows name which document (server/src/provenance/run.rs).
CREATE TABLE record_tables (
    idx INTEGER PRIMARY KEY,
    statement BLOB NOT NULL UNIQUE,
    list BLOB NOT NULL,
    authority TEXT NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX record_tables_by_list ON record_tables (list, idx);
CREATE TABLE record_runs (statement BLOB NOT NULL, first BLOB NOT NULL, block BLOB NOT NULL, UNIQUE (statement, first));

-- Ephemeral: tables on their way. Lost, they are sent again.
CREATE TABLE uploads (
    statement BLOB PRIMARY KEY,
    envelope BLOB NOT NULL,
    authority TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    received INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    code TEXT,
    detail TEXT
);
