-- Primary: bytes of evidence that registered statements name, each under its own digest.
CREATE TABLE evidence (blob BLOB PRIMARY KEY, bytes BLOB NOT NULL);

-- Derived: which statements name which evidence; `rebuild` makes it again.
CREATE TABLE exhibits (
    blob BLOB NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (blob, idx)
) WITHOUT ROWID;
