-- A mark for removal that may have been our mistake removes nothing before a person has said that it is meant.
ALTER TABLE conflict ADD COLUMN agreed_at INTEGER;                     -- seconds since 1970; NULL while nobody has marked it too
