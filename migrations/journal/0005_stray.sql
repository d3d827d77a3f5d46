-- Our own reading is not all that may have changed a flag unasked: a change can fall on a message that was not meant.
ALTER TABLE restore_unseen ADD COLUMN back TEXT NOT NULL DEFAULT '-\Seen';   -- what puts it right: "+\Flagged -\Seen"
