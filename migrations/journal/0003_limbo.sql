-- Messages that were removed, here or on the server: for a while they can be had back. Only those whose text was held.
CREATE TABLE limbo (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox     BLOB    NOT NULL,
  message     INTEGER NOT NULL UNIQUE,             -- the cache's id; as long as the cache still has it, it is not removed
  instant     INTEGER NOT NULL,                    -- INTERNALDATE, seconds since 1970 UTC
  zone        INTEGER NOT NULL,                    -- the zone it was written in, minutes east of UTC
  flags       TEXT    NOT NULL,                    -- names, without \Deleted
  by_user     INTEGER NOT NULL,                    -- 1: it was removed here; 0: by somebody else
  removed_at  INTEGER NOT NULL,                    -- seconds since 1970
  restored_at INTEGER,                             -- NULL as long as nobody had it back
  header      BLOB    NOT NULL,                    -- raw, to know it by; empty where it was not held
  hash        BLOB    NOT NULL,                    -- BLAKE3 of the octets
  size        INTEGER NOT NULL,                    -- octets before compression
  coding      INTEGER NOT NULL,                    -- 0 plain, 1 zstd
  bytes       BLOB    NOT NULL
) STRICT;
CREATE INDEX limbo_age ON limbo (removed_at);

-- Messages to be appended, until the server is proven to have them. Their entries are of the kind 4.
CREATE TABLE pinned (
  entry  INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
  hash   BLOB    NOT NULL,                         -- BLAKE3 of the octets; the entry's checksum covers it
  size   INTEGER NOT NULL,                         -- octets before compression
  coding INTEGER NOT NULL,                         -- 0 plain, 1 zstd
  bytes  BLOB    NOT NULL
) STRICT;
