-- Between two listings a mailbox whose messages have no UIDs may be looked at here and there only.
ALTER TABLE mailbox ADD COLUMN listed_at INTEGER NOT NULL DEFAULT 0;    -- when every message was last shown; seconds since 1970, 0 for never
ALTER TABLE mailbox ADD COLUMN missed_count INTEGER NOT NULL DEFAULT 0; -- what listings found to be otherwise than a glance had told
