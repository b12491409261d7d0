-- One `!twgold` as one transaction, as the backend would commit it alone: the same tables, the same rows, in as few
-- round trips as the rules allow.
\set id random(1, 2000000000000000)
BEGIN;
INSERT INTO chat_inbox (broadcaster_id, message_id, received_at)
VALUES ('benchmark-broadcaster', 'message-' || :id, now()) ON CONFLICT DO NOTHING RETURNING message_id;
INSERT INTO viewers (broadcaster_id, viewer_id) VALUES ('benchmark-broadcaster', 'viewer-' || :id) ON CONFLICT DO NOTHING;
SELECT 1 FROM viewers WHERE broadcaster_id = 'benchmark-broadcaster' AND viewer_id = 'viewer-' || :id FOR UPDATE;
SELECT p.status, p.gold FROM payouts p WHERE p.broadcaster_id = 'benchmark-broadcaster' AND p.viewer_id = 'viewer-' || :id;
SELECT character_name FROM pool_members WHERE broadcaster_id = 'benchmark-broadcaster' AND viewer_id = 'viewer-' || :id;
SELECT viewer_id FROM pool_members WHERE broadcaster_id = 'benchmark-broadcaster' AND name_key = 'name-' || :id;
INSERT INTO pool_members (broadcaster_id, viewer_id, display_name, character_name, name_key, bucket, enrolled_at)
VALUES ('benchmark-broadcaster', 'viewer-' || :id, 'viewer-' || :id, 'name-' || :id, 'name-' || :id,
        (hashtext('viewer-' || :id) & 255)::smallint, now());
INSERT INTO pool_buckets (broadcaster_id, bucket, members)
VALUES ('benchmark-broadcaster', (hashtext('viewer-' || :id) & 255)::smallint, 1)
ON CONFLICT (broadcaster_id, bucket) DO UPDATE SET members = pool_buckets.members + 1;
COMMIT;
