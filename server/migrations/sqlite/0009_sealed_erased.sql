-- Primary: which sealed statements were erased, so that none comes back by being sent again. Kept apart from the log, which
-- must not tell what a sealed leaf was.
CREATE TABLE sealed_erased (id BLOB PRIMARY KEY, commitment BLOB NOT NULL) WITHOUT ROWID;
