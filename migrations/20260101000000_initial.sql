-- Every key starts with the broadcaster: one is configured today, and a deployment of many can be distributed by it
-- with this very schema.

CREATE TABLE viewers (
    broadcaster_id text NOT NULL,
    viewer_id      text NOT NULL,
    PRIMARY KEY (broadcaster_id, viewer_id)
);
COMMENT ON TABLE viewers IS 'The row that a command about a viewer locks first, so that commands about one viewer follow one another.';
COMMENT ON COLUMN viewers.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN viewers.viewer_id IS 'The viewer''s Twitch user id.';

CREATE TABLE pool_members (
    broadcaster_id text NOT NULL,
    viewer_id      text NOT NULL,
    display_name   text NOT NULL,
    character_name text NOT NULL,
    name_key       text NOT NULL,
    bucket         smallint NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    enrolled_at    timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, viewer_id),
    CONSTRAINT pool_members_one_holder_a_name UNIQUE (broadcaster_id, name_key)
);
CREATE INDEX pool_members_by_bucket ON pool_members (broadcaster_id, bucket, viewer_id);
COMMENT ON TABLE pool_members IS 'The pool: who takes part in the roulette.';
COMMENT ON COLUMN pool_members.display_name IS 'The viewer''s display name when they enrolled.';
COMMENT ON COLUMN pool_members.character_name IS 'The name as it was typed.';
COMMENT ON COLUMN pool_members.name_key IS 'The name with its case folded by the program; equal for what the game takes for one name.';
COMMENT ON COLUMN pool_members.bucket IS 'A hash of the viewer, 0 to 255: with the counts in pool_buckets, the n-th member is found without reading the others.';
COMMENT ON COLUMN pool_members.enrolled_at IS 'When this membership was last written.';

CREATE TABLE pool_buckets (
    broadcaster_id text NOT NULL,
    bucket         smallint NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    members        bigint NOT NULL CHECK (members >= 0),
    PRIMARY KEY (broadcaster_id, bucket)
) WITH (fillfactor = 50);
COMMENT ON TABLE pool_buckets IS 'How many members of the pool are in each bucket; their sum is the size of the pool.';
COMMENT ON COLUMN pool_buckets.members IS 'Rows of pool_members with this bucket; kept in the transaction that changes them.';

CREATE TABLE claims (
    broadcaster_id        text NOT NULL,
    enrollment_request_id text NOT NULL,
    viewer_id             text NOT NULL,
    character_name        text NOT NULL,
    claimed_at            timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, enrollment_request_id)
);
COMMENT ON TABLE claims IS 'Enrolments through the panel, by the id that the panel chose, so that a repeat is known.';
COMMENT ON COLUMN claims.enrollment_request_id IS 'The panel''s id of the request.';
COMMENT ON COLUMN claims.viewer_id IS 'Whose request it was.';
COMMENT ON COLUMN claims.character_name IS 'The name it was granted with.';

CREATE TABLE chat_inbox (
    broadcaster_id text NOT NULL,
    message_id     text NOT NULL,
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, message_id)
);
CREATE INDEX chat_inbox_by_age ON chat_inbox (broadcaster_id, received_at);
COMMENT ON TABLE chat_inbox IS 'Chat commands that were processed, so that a redelivered one is not processed again. Pruned after a day.';
COMMENT ON COLUMN chat_inbox.message_id IS 'Twitch''s event.message_id.';

CREATE TABLE events (
    broadcaster_id text NOT NULL,
    stream_id      uuid NOT NULL,
    version        integer NOT NULL CHECK (version > 0),
    kind           text NOT NULL CHECK (kind IN ('payout', 'gift')),
    event_type     text NOT NULL,
    schema_version smallint NOT NULL,
    data           jsonb NOT NULL,
    recorded_at    timestamptz NOT NULL,
    CONSTRAINT events_one_a_version PRIMARY KEY (broadcaster_id, stream_id, version)
);
COMMENT ON TABLE events IS 'What happened, append-only: one stream a payout and one a gift request.';
COMMENT ON COLUMN events.stream_id IS 'The payout or the gift request.';
COMMENT ON COLUMN events.version IS 'The event''s place in its stream, from 1 without gaps.';
COMMENT ON COLUMN events.kind IS 'What the stream is of.';
COMMENT ON COLUMN events.schema_version IS 'The version of the form of data.';
COMMENT ON COLUMN events.recorded_at IS 'When it happened, by the program''s clock.';

CREATE TABLE payouts (
    broadcaster_id        text NOT NULL,
    payout_id             uuid NOT NULL,
    version               integer NOT NULL,
    viewer_id             text NOT NULL,
    display_name          text NOT NULL,
    character_name        text NOT NULL,
    gold                  integer NOT NULL CHECK (gold > 0),
    enrollment_request_id text NOT NULL,
    status                text NOT NULL
        CHECK (status IN ('Pending', 'InProgress', 'Sent', 'Failed', 'Cancelled', 'Expired')),
    announced             boolean NOT NULL,
    created_at            timestamptz NOT NULL,
    accepted_at           timestamptz,
    PRIMARY KEY (broadcaster_id, payout_id),
    CONSTRAINT payouts_one_a_request UNIQUE (broadcaster_id, enrollment_request_id)
);
CREATE UNIQUE INDEX payouts_one_active_a_viewer ON payouts (broadcaster_id, viewer_id)
    WHERE status IN ('Pending', 'InProgress');
CREATE INDEX payouts_by_viewer ON payouts (broadcaster_id, viewer_id, created_at);
CREATE INDEX payouts_by_status ON payouts (broadcaster_id, status, created_at, payout_id);
COMMENT ON TABLE payouts IS 'A projection: the fold of each payout''s events. Can be rebuilt from them.';
COMMENT ON COLUMN payouts.version IS 'The version of the last event folded in.';
COMMENT ON COLUMN payouts.gold IS 'Whole gold.';
COMMENT ON COLUMN payouts.announced IS 'Whether the announcement is known to be out.';
COMMENT ON COLUMN payouts.accepted_at IS 'When the winner''s acceptance was first confirmed.';

CREATE TABLE roulette_cycles (
    broadcaster_id           text NOT NULL,
    cycle_id                 uuid NOT NULL,
    starts_at                timestamptz NOT NULL,
    drawn_at                 timestamptz NOT NULL,
    deadline                 timestamptz NOT NULL,
    candidate_viewer_id      text,
    candidate_display_name   text,
    candidate_character_name text,
    decided_at               timestamptz,
    payout_id                uuid,
    PRIMARY KEY (broadcaster_id, cycle_id),
    CONSTRAINT roulette_cycles_one_draw_a_cycle UNIQUE (broadcaster_id, starts_at),
    CHECK (num_nulls(candidate_viewer_id, candidate_display_name, candidate_character_name) IN (0, 3)),
    CHECK (payout_id IS NULL OR decided_at IS NOT NULL)
);
CREATE INDEX roulette_cycles_undecided ON roulette_cycles (broadcaster_id, deadline)
    WHERE candidate_viewer_id IS NOT NULL AND decided_at IS NULL;
COMMENT ON TABLE roulette_cycles IS 'Cycles that were drawn, one row each; a cycle without a row has not been.';
COMMENT ON COLUMN roulette_cycles.starts_at IS 'The cycle''s start on the grid that counts from the Unix epoch.';
COMMENT ON COLUMN roulette_cycles.deadline IS 'Until when the candidate can be verified.';
COMMENT ON COLUMN roulette_cycles.candidate_viewer_id IS 'Who was drawn; null where nobody could be.';
COMMENT ON COLUMN roulette_cycles.payout_id IS 'What the winner got; null where the cycle was decided without one.';

CREATE TABLE announcements (
    broadcaster_id        text NOT NULL,
    payout_id             uuid NOT NULL,
    message               text NOT NULL,
    state                 text NOT NULL
        CHECK (state IN ('pending', 'sending', 'announced', 'dropped', 'unknown', 'failed')),
    attempts              integer NOT NULL DEFAULT 0,
    attempts_before_retry integer NOT NULL DEFAULT 0,
    due_at                timestamptz NOT NULL,
    detail                text,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, payout_id)
);
CREATE INDEX announcements_due ON announcements (broadcaster_id, due_at) WHERE state IN ('pending', 'sending');
CREATE INDEX announcements_by_state ON announcements (broadcaster_id, state, created_at);
COMMENT ON TABLE announcements IS 'The outbox: what is owed to chat. Written with the event that owes it, never deleted.';
COMMENT ON COLUMN announcements.attempts IS 'Calls begun so far. Whoever claims one knows it by this number; the outcome of an older claim is not taken.';
COMMENT ON COLUMN announcements.attempts_before_retry IS 'Those of them from before the operator last asked for another.';
COMMENT ON COLUMN announcements.due_at IS 'Pending: not tried before this. Sending: the lease; past it the outcome is unknown.';
COMMENT ON COLUMN announcements.detail IS 'Why the last attempt did not announce; the drop reason, where Twitch dropped it.';
