-- How often the journal let go of entries. The cache writes down up to where it knows; a journal that is behind that was put
-- back from somewhere, and may ask for what was done already.
CREATE TABLE epoch (
  only   INTEGER PRIMARY KEY CHECK (only = 1),
  number INTEGER NOT NULL
) STRICT;
INSERT INTO epoch (only, number) VALUES (1, 0);

ALTER TABLE entry ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;     -- 1: a person said that it is meant, however old it is
