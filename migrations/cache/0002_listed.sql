-- Between two listings a mailbox whose messages have no UIDs may be looked at here and there only.
ALTER TABLE mailbox ADD COLUMN listed_at INTEGER NOT NULL DEFAULT 0;    -- when every message was last shown; seconds since 1970, 0 for never
ALTER TABLE mailbox ADD COLUMN missed_count INTEGER NOT NULL DEFAULT 0; -- what listings found to be otherwise than a glance had told

-- A header may be known by its hash and not be held: it was only looked at.
ALTER TABLE message ADD COLUMN has_header INTEGER NOT NULL DEFAULT 0;
UPDATE message SET has_header = 1 WHERE EXISTS (SELECT 1 FROM header WHERE header.message_id = message.id);
CREATE INDEX message_without_header ON message (mailbox_id, id) WHERE has_header = 0;
