-- What cannot be fetched again: what the user did, and what must not be forgotten while it is carried out.

CREATE TABLE entry (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox       BLOB    NOT NULL,
  message       INTEGER NOT NULL,                  -- the cache's id; the columns of the mark find it again without a cache
  instant       INTEGER NOT NULL,
  size          INTEGER NOT NULL,
  header_hash   BLOB,
  uid           INTEGER,
  uid_validity  INTEGER,
  flags_before  TEXT    NOT NULL,                  -- names, as the user saw them
  kind          INTEGER NOT NULL,                  -- 1 flags, 2 expunge, 3 copy
  payload       BLOB    NOT NULL,                  -- flags: "+\Seen -\Flagged"; copy: the destination
  accepted_at   INTEGER NOT NULL,                  -- seconds since 1970; for people to read
  checksum      INTEGER NOT NULL,                  -- CRC-32 of all columns above
  state         INTEGER NOT NULL DEFAULT 0,        -- 0 pending, 1 attempted, 2 parked, 3 refused
  attempts      INTEGER NOT NULL DEFAULT 0,
  copies_before INTEGER NOT NULL DEFAULT 0,
  park          INTEGER NOT NULL DEFAULT 0,        -- why it is parked
  trouble       TEXT    NOT NULL DEFAULT ''        -- why it waits, in words
) STRICT;
CREATE INDEX entry_mailbox ON entry (mailbox);
CREATE INDEX entry_parked ON entry (mailbox) WHERE state = 2;
CREATE INDEX entry_copy ON entry (mailbox, payload) WHERE kind = 3;

-- Message ids below `next` may have been shown to a client and are never given again, whatever becomes of the cache.
CREATE TABLE id_block (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  next INTEGER NOT NULL
) STRICT;
INSERT INTO id_block (only, next) VALUES (1, 1);

-- Messages that our own reading may have marked \Seen; the mark is taken off again.
CREATE TABLE restore_unseen (
  mailbox     BLOB    NOT NULL,
  message     INTEGER NOT NULL,
  instant     INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  header_hash BLOB,
  uid         INTEGER,
  PRIMARY KEY (mailbox, message)
) STRICT, WITHOUT ROWID;

-- Mailboxes that wait for a person.
CREATE TABLE hold (
  mailbox  BLOB    PRIMARY KEY,
  reason   TEXT    NOT NULL,
  since    INTEGER NOT NULL,
  approved INTEGER NOT NULL DEFAULT 0              -- 1: the next pass may do what it was held for
) STRICT, WITHOUT ROWID;

CREATE TABLE conflict (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox BLOB    NOT NULL,
  message INTEGER NOT NULL,
  instant INTEGER NOT NULL,
  size    INTEGER NOT NULL,
  kind    INTEGER NOT NULL,
  wished  TEXT    NOT NULL,                        -- the actions it answered
  kept    TEXT    NOT NULL,                        -- what both sides came to
  at      INTEGER NOT NULL
) STRICT;
