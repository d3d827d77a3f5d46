-- What is known of the server while it is away.
CREATE TABLE server (
  only           INTEGER PRIMARY KEY CHECK (only = 1),
  takes_messages INTEGER NOT NULL                  -- 1: it has APPEND
) STRICT;
INSERT INTO server (only, takes_messages) VALUES (1, 0);

-- How often the journal had let go of entries when this file was last written.
CREATE TABLE epoch (
  only   INTEGER PRIMARY KEY CHECK (only = 1),
  number INTEGER NOT NULL
) STRICT;
INSERT INTO epoch (only, number) VALUES (1, 0);
