-- Ids of messages that were in a later state of this file, which was lost when an earlier one was put back.
CREATE TABLE lost (
  from_id INTEGER PRIMARY KEY,                     -- the first
  to_id   INTEGER NOT NULL                         -- past the last
) STRICT;
