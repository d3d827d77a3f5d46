-- The newest action that waited when the mailbox was last recorded. Whoever acted later saw what was recorded then: where an
-- action says that the flags were otherwise, an earlier state of this file was put back.
ALTER TABLE mailbox ADD COLUMN acted INTEGER NOT NULL DEFAULT 9223372036854775807;
