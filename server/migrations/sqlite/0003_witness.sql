-- Primary: what witnesses said of checkpoints, by checkpoint size; the newest of each witness for each size.
CREATE TABLE cosignatures (
    size INTEGER NOT NULL,
    witness TEXT NOT NULL,
    operator TEXT NOT NULL,
    time INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (size, witness)
) WITHOUT ROWID;
CREATE INDEX cosignatures_by_witness ON cosignatures (witness, size);

-- Primary: the newest checkpoint that reached the quorum, so that none before it is shown again.
CREATE TABLE witnessed (only INTEGER PRIMARY KEY CHECK (only = 1), size INTEGER NOT NULL);
