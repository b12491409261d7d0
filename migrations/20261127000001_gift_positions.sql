-- The order of the gift queue, in one place.

CREATE VIEW gift_positions AS
SELECT broadcaster_id, gift_id, viewer_id, state,
       row_number() OVER (PARTITION BY broadcaster_id ORDER BY state = 'Pending', created_at, gift_id) AS position
FROM gift_requests
WHERE state IN ('Pending', 'SelectingItem', 'WaitingConfirmation');
COMMENT ON VIEW gift_positions IS 'Each streamer''s gift queue: the request being served, then those that are Pending, oldest first.';
COMMENT ON COLUMN gift_positions.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN gift_positions.gift_id IS 'The gift request.';
COMMENT ON COLUMN gift_positions.viewer_id IS 'The Twitch user id of the viewer who asked.';
COMMENT ON COLUMN gift_positions.state IS 'Where it stands: as in gift_requests.';
COMMENT ON COLUMN gift_positions.position IS 'Its place in the queue, from 1.';
