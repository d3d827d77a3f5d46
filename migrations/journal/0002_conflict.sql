-- A conflict shows both sides, and a person can have it their way after all.
ALTER TABLE conflict ADD COLUMN seen    TEXT NOT NULL DEFAULT '';      -- the flags that the user saw when asking, by name
ALTER TABLE conflict ADD COLUMN there   TEXT NOT NULL DEFAULT '';      -- what the server showed: flags by name, or "gone"
ALTER TABLE conflict ADD COLUMN removes INTEGER NOT NULL DEFAULT 0;    -- 1: the user had asked for the message to go
ALTER TABLE conflict ADD COLUMN undone_at INTEGER;                     -- seconds since 1970; NULL while the decision stands
UPDATE conflict SET removes = 1 WHERE wished = 'expunge' OR wished LIKE '%, expunge';
