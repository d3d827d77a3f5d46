-- Past every message that this file ever knew. Where somebody acted on a later one, an earlier state of the file was put back:
-- what became of that message it cannot know.
ALTER TABLE first_message ADD COLUMN past INTEGER NOT NULL DEFAULT 0;
UPDATE first_message SET past = (SELECT coalesce(max(id), 0) + 1 FROM message);
