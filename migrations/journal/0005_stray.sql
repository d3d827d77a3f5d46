-- Messages on which a flag may stand, or be missing, that nobody asked for: our own reading may have set \Seen, or a change
-- fell on a message that was not meant. It is put right before anything else is done. The bits are those of flag sets.
CREATE TABLE stray (
  mailbox     BLOB    NOT NULL,
  message     INTEGER NOT NULL,
  instant     INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  header_hash BLOB,
  uid         INTEGER,
  put_on      INTEGER NOT NULL,
  take_off    INTEGER NOT NULL,
  PRIMARY KEY (mailbox, message)
) STRICT, WITHOUT ROWID;
INSERT INTO stray SELECT mailbox, message, instant, size, header_hash, uid, 0, 1 FROM restore_unseen;
DROP TABLE restore_unseen;
