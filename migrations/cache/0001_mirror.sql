-- What can be fetched again: the last proven state of every mailbox, and the content of its messages.
-- A local account keeps its own mailboxes in a file of the same shape.

-- Messages below this id were given theirs before this file was made: it cannot know what became of them.
CREATE TABLE first_message (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  id   INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  name         BLOB    NOT NULL UNIQUE,            -- octets as the server writes them
  uid_validity INTEGER,                            -- NULL where the server has no UIDs
  mod_seq      INTEGER,                            -- HIGHESTMODSEQ before the base was read; NULL where changes are not counted
  access       INTEGER NOT NULL DEFAULT 0,         -- 0 unsaid, 1 read-write, 2 read-only
  permanent    INTEGER,                            -- flag bits that the server keeps; NULL where it does not say
  on_server    INTEGER NOT NULL DEFAULT 1,         -- 0 once the server lists it no longer
  seen_to      INTEGER NOT NULL DEFAULT 0,         -- messages with a greater id are \Recent to the next SELECT
  last_pass_at INTEGER NOT NULL DEFAULT 0          -- seconds since 1970, 0 for never; for people to read
) STRICT;

CREATE TABLE keyword (
  mailbox_id INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
  position   INTEGER NOT NULL,                     -- which keyword bit of message.flags, from 0
  name       TEXT    NOT NULL,
  PRIMARY KEY (mailbox_id, position)
) STRICT, WITHOUT ROWID;

-- Ids grow in the server's order: arrivals come last, and a message that leaves its place gets a new id.
CREATE TABLE message (
  mailbox_id  INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
  id          INTEGER NOT NULL UNIQUE,
  instant     INTEGER NOT NULL,                    -- INTERNALDATE, seconds since 1970 UTC
  zone        INTEGER NOT NULL,                    -- the zone it was written in, minutes east of UTC
  size        INTEGER NOT NULL,                    -- RFC822.SIZE as the server says it
  flags       INTEGER NOT NULL,                    -- 64 bits: system flags, then keywords
  uid         INTEGER,
  header_hash BLOB,                                -- NULL until the header was read
  blob_id     INTEGER REFERENCES blob (id),        -- the whole message; NULL while it is not held
  PRIMARY KEY (mailbox_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_blob ON message (blob_id) WHERE blob_id IS NOT NULL;
CREATE INDEX message_without_blob ON message (mailbox_id, id) WHERE blob_id IS NULL;

-- Messages that left their place and came back as new ones: whoever still speaks of the old id means the new one.
CREATE TABLE moved (
  old_id INTEGER PRIMARY KEY,
  new_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX moved_to ON moved (new_id);

CREATE TABLE envelope (
  message_id INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  wire       BLOB    NOT NULL                      -- as FETCH ENVELOPE shows it
) STRICT;

CREATE TABLE header (
  message_id INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  size       INTEGER NOT NULL,                     -- octets before compression
  coding     INTEGER NOT NULL,                     -- 0 plain, 1 zstd
  bytes      BLOB    NOT NULL
) STRICT;

CREATE TABLE structure (
  message_id INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  wire       BLOB    NOT NULL                      -- as FETCH BODY shows it
) STRICT;

-- Whole messages, each kept once however often it occurs.
CREATE TABLE blob (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  hash   BLOB    NOT NULL UNIQUE,                  -- BLAKE3 of the octets
  size   INTEGER NOT NULL,
  coding INTEGER NOT NULL,
  bytes  BLOB    NOT NULL
) STRICT;
