-- Every table and column says what it holds, for whoever meets it in psql.

COMMENT ON COLUMN pool_members.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN pool_members.viewer_id IS 'The viewer''s Twitch user id.';

COMMENT ON COLUMN claims.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN claims.claimed_at IS 'When it was granted, by the program''s clock.';

COMMENT ON COLUMN chat_inbox.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN chat_inbox.received_at IS 'When it was processed, by the program''s clock. It is pruned by this.';

COMMENT ON COLUMN events.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN events.event_type IS 'The event''s name, such as Awarded; with schema_version it says how to read data.';
COMMENT ON COLUMN events.data IS 'The event''s fields, as the program wrote them.';

COMMENT ON COLUMN payouts.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN payouts.payout_id IS 'The payout, and the stream of its events.';
COMMENT ON COLUMN payouts.viewer_id IS 'The winner''s Twitch user id.';
COMMENT ON COLUMN payouts.display_name IS 'The winner''s display name when they won.';
COMMENT ON COLUMN payouts.character_name IS 'The character that the gold is for, as it was typed.';
COMMENT ON COLUMN payouts.enrollment_request_id IS 'What it was awarded for: spin: and the id of the cycle.';
COMMENT ON COLUMN payouts.status IS 'Pending: won; InProgress: the desktop program is at it; the others are its end. Sent: the gold is mailed.';
COMMENT ON COLUMN payouts.created_at IS 'When it was awarded, by the program''s clock.';

COMMENT ON COLUMN roulette_cycles.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN roulette_cycles.cycle_id IS 'The cycle, as the panel and the desktop program know it.';
COMMENT ON COLUMN roulette_cycles.drawn_at IS 'When it was drawn, by the program''s clock.';
COMMENT ON COLUMN roulette_cycles.candidate_display_name IS 'The candidate''s display name at the draw; null where nobody was drawn.';
COMMENT ON COLUMN roulette_cycles.candidate_character_name IS 'The candidate''s character at the draw, as it was typed; null where nobody was drawn.';
COMMENT ON COLUMN roulette_cycles.decided_at IS 'When the desktop program''s verification of the candidate was taken; null until then, and where none came in time.';

COMMENT ON COLUMN announcements.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN announcements.payout_id IS 'The payout whose winner is announced.';
COMMENT ON COLUMN announcements.message IS 'What is said in chat, word for word.';
COMMENT ON COLUMN announcements.state IS 'pending: to be tried when it is due; sending: claimed by a process that may be calling Twitch; announced: said; dropped: taken by Twitch and not shown; unknown: may have been said; failed: not said, and not tried again by itself.';
COMMENT ON COLUMN announcements.created_at IS 'When it became owed, by the program''s clock.';
COMMENT ON COLUMN announcements.updated_at IS 'When the row was last written, by the program''s clock.';

COMMENT ON COLUMN gift_requests.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN gift_requests.gift_id IS 'The gift request, and the stream of its events.';
COMMENT ON COLUMN gift_requests.viewer_id IS 'The Twitch user id of the viewer who asked.';
COMMENT ON COLUMN gift_requests.character_name IS 'The character that the item is for, as it was typed.';
COMMENT ON COLUMN gift_requests.updated_at IS 'When the last event happened, by the program''s clock.';

COMMENT ON COLUMN gift_verifications.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN gift_verifications.gift_id IS 'The gift request that waits for Twitch''s answer.';
