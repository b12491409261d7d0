-- One plan for each statement, whatever the planner's statistics say.
--
-- Every index begins with the broadcaster, so that to a planner without statistics any of them serves any statement about a
-- broadcaster's rows as well as any other: it then walks all of them through the wrong one. A partial index is considered
-- only for statements that imply its condition. The conditions below hold for every row and are implied by a comparison of
-- the indexed column with anything: so each index serves the statements that name its column, and no other.

ALTER TABLE pool_members DROP CONSTRAINT pool_members_one_holder_a_name;
CREATE UNIQUE INDEX pool_members_one_holder_a_name ON pool_members (broadcaster_id, name_key) WHERE name_key IS NOT NULL;
DROP INDEX pool_members_by_bucket;
CREATE INDEX pool_members_by_bucket ON pool_members (broadcaster_id, bucket, viewer_id) WHERE bucket IS NOT NULL;

DROP INDEX chat_inbox_by_age;
CREATE INDEX chat_inbox_by_age ON chat_inbox (broadcaster_id, received_at) WHERE received_at IS NOT NULL;

ALTER TABLE payouts DROP CONSTRAINT payouts_one_a_request;
CREATE UNIQUE INDEX payouts_one_a_request ON payouts (broadcaster_id, enrollment_request_id)
    WHERE enrollment_request_id IS NOT NULL;
DROP INDEX payouts_by_viewer;
CREATE INDEX payouts_by_viewer ON payouts (broadcaster_id, viewer_id, created_at, payout_id) WHERE viewer_id IS NOT NULL;
DROP INDEX payouts_by_status;
CREATE INDEX payouts_by_status ON payouts (broadcaster_id, status, created_at, payout_id) WHERE status IS NOT NULL;

ALTER TABLE roulette_cycles DROP CONSTRAINT roulette_cycles_one_draw_a_cycle;
CREATE UNIQUE INDEX roulette_cycles_one_draw_a_cycle ON roulette_cycles (broadcaster_id, starts_at)
    WHERE starts_at IS NOT NULL;

DROP INDEX announcements_by_state;
CREATE INDEX announcements_by_state ON announcements (broadcaster_id, state, created_at, payout_id) WHERE state IS NOT NULL;

DROP INDEX gift_verifications_due;
CREATE INDEX gift_verifications_due ON gift_verifications (broadcaster_id, due_at) WHERE due_at IS NOT NULL;

-- What the hourly sweep looks for, in its order.
CREATE INDEX payouts_active_by_age ON payouts (broadcaster_id, created_at, payout_id)
    WHERE status IN ('Pending', 'InProgress');
