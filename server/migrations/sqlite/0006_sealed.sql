-- Primary: salts and envelopes of sealed leaves, held for their parties and given to nobody else.
CREATE TABLE sealed (commitment BLOB PRIMARY KEY, blob BLOB NOT NULL);

-- Derived: where each sealed leaf stands; what is held of them, apart from all that is public; and whose it is.
CREATE TABLE sealed_leaves (commitment BLOB PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sealed_statements (
    idx INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    commitment BLOB NOT NULL,
    registered_at INTEGER NOT NULL,
    signed_by TEXT NOT NULL,
    tenure_from INTEGER,
    proven INTEGER NOT NULL,
    payload BLOB NOT NULL,
    under TEXT NOT NULL,
    speaks_for TEXT
);
CREATE TABLE sealed_parties (domain TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (domain, idx)) WITHOUT ROWID;
