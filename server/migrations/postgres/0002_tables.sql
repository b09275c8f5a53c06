-- Primary: the files of provenance tables in parts of 256 KiB, each under its own manifest statement: two houses that sign the same file
-- have one each, so that neither can spoil or erase the other's. They are compressed already.
CREATE TABLE table_parts (statement BYTEA NOT NULL, part BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (statement, part));
ALTER TABLE table_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Derived: which manifests are tables, and which of their rows name which document (server/src/provenance/run.rs).
CREATE TABLE record_tables (
    idx BIGINT PRIMARY KEY,
    statement BYTEA NOT NULL UNIQUE,
    list BYTEA NOT NULL,
    authority TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX record_tables_by_list ON record_tables (list, idx);
CREATE TABLE record_runs (statement BYTEA NOT NULL, first BYTEA NOT NULL, block BYTEA NOT NULL, PRIMARY KEY (statement, first));
ALTER TABLE record_runs ALTER COLUMN block SET STORAGE EXTERNAL;

-- Ephemeral: tables on their way. Lost, they are sent again.
CREATE TABLE uploads (
    statement BYTEA PRIMARY KEY,
    envelope BYTEA NOT NULL,
    authority TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    received BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    code TEXT,
    detail TEXT
);
