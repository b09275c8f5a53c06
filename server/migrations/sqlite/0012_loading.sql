-- Who writes the run of an upload, and whether it is whole: a run is in the log only as its last writer left it.
ALTER TABLE uploads ADD COLUMN loader INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN loaded INTEGER NOT NULL DEFAULT 0;
