-- Derived: which authority showed which bytes under its own hosts first where: its own signed record, or the registry's look.
CREATE TABLE showings (
    kind INTEGER NOT NULL,
    name BLOB NOT NULL,
    authority TEXT NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (kind, name, authority)
) WITHOUT ROWID;

-- What proves a claim is a statement of its own.
ALTER TABLE statements DROP COLUMN proven;
ALTER TABLE sealed_statements DROP COLUMN proven;
