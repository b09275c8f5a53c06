-- Ephemeral: nonces of signed requests, until the signatures that they stood in are over.
CREATE TABLE nonces (
    key_id BLOB NOT NULL,
    nonce TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (key_id, nonce)
) WITHOUT ROWID;
CREATE INDEX nonces_by_time ON nonces (until);
