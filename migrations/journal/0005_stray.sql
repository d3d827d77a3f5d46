-- Our own reading is not all that may have changed a flag unasked: a change can fall on a message that was not meant.
ALTER TABLE restore_unseen ADD COLUMN back TEXT NOT NULL DEFAULT '-\Seen';   -- what puts it right: "+\Flagged -\Seen"
ALTER TABLE restore_unseen ADD COLUMN checksum INTEGER;                      -- CRC-32 of all columns above; earlier versions wrote none
