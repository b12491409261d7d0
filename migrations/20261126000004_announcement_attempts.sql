-- Announcements: what is known of earlier attempts, and lists that come in pages.

ALTER TABLE announcements ADD COLUMN may_have_been_said boolean NOT NULL DEFAULT false;
UPDATE announcements SET may_have_been_said = true WHERE state = 'unknown';
COMMENT ON COLUMN announcements.may_have_been_said IS 'Whether an attempt so far may have been said without our knowing it: behind a 500 or 503, or with an unknown outcome. If Twitch then drops a later one as a duplicate, it was.';
COMMENT ON COLUMN announcements.detail IS 'Why the last attempt that ended did not announce; the drop reason, where Twitch dropped it. Announced: how that is known, where Twitch did not simply say so.';

CREATE INDEX announcements_by_age ON announcements (broadcaster_id, created_at, payout_id) WHERE created_at IS NOT NULL;
