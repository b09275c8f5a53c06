-- Primary: usage reports, for who sent them and for who is paid by them. Nothing public reads these tables; the log has a salted
-- commitment to each envelope, and not what it is.
CREATE TABLE usage_reports (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    authority TEXT NOT NULL,
    salt BLOB NOT NULL,
    envelope BLOB NOT NULL
);
CREATE INDEX usage_by_authority ON usage_reports (authority);
CREATE TABLE usage_readers (domain TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (domain, number)) WITHOUT ROWID;
