-- Gifts: a queue a streamer, separate from the roulette.

CREATE TABLE gift_queues (
    broadcaster_id text NOT NULL,
    PRIMARY KEY (broadcaster_id)
);
COMMENT ON TABLE gift_queues IS 'The row that a command about a queued gift request locks after the viewer''s, so that commands about one queue follow one another.';
COMMENT ON COLUMN gift_queues.broadcaster_id IS 'The streamer''s Twitch user id.';

CREATE TABLE gift_requests (
    broadcaster_id text NOT NULL,
    gift_id        uuid NOT NULL,
    version        integer NOT NULL,
    viewer_id      text NOT NULL,
    display_name   text NOT NULL,
    character_name text NOT NULL,
    state          text NOT NULL
        CHECK (state IN ('Unverified', 'Pending', 'SelectingItem', 'WaitingConfirmation', 'Completed', 'Failed')),
    selected_item  jsonb,
    timeout_at     timestamptz,
    failure_reason text,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, gift_id),
    CHECK ((timeout_at IS NOT NULL) = (state IN ('Unverified', 'SelectingItem', 'WaitingConfirmation'))),
    CHECK ((failure_reason IS NOT NULL) = (state = 'Failed'))
);
CREATE UNIQUE INDEX gift_requests_one_open_a_viewer ON gift_requests (broadcaster_id, viewer_id)
    WHERE state IN ('Unverified', 'Pending', 'SelectingItem', 'WaitingConfirmation');
CREATE UNIQUE INDEX gift_requests_one_completed_a_viewer ON gift_requests (broadcaster_id, viewer_id)
    WHERE state = 'Completed';
CREATE UNIQUE INDEX gift_requests_one_served ON gift_requests (broadcaster_id)
    WHERE state IN ('SelectingItem', 'WaitingConfirmation');
CREATE INDEX gift_requests_pending ON gift_requests (broadcaster_id, created_at, gift_id) WHERE state = 'Pending';
CREATE INDEX gift_requests_by_timeout ON gift_requests (broadcaster_id, timeout_at) WHERE timeout_at IS NOT NULL;
COMMENT ON TABLE gift_requests IS 'A projection: the fold of each gift request''s events. Can be rebuilt from them.';
COMMENT ON COLUMN gift_requests.version IS 'The version of the last event folded in.';
COMMENT ON COLUMN gift_requests.display_name IS 'The viewer''s display name when they asked.';
COMMENT ON COLUMN gift_requests.state IS 'Unverified: asked for in chat, and Twitch has not said yet that the viewer subscribes; in no queue.';
COMMENT ON COLUMN gift_requests.selected_item IS 'What is given, once it is selected.';
COMMENT ON COLUMN gift_requests.timeout_at IS 'When the state times out.';
COMMENT ON COLUMN gift_requests.failure_reason IS 'A code of the rules, or the desktop''s own words.';
COMMENT ON COLUMN gift_requests.created_at IS 'When it was received: its place in the queue.';

CREATE TABLE gift_verifications (
    broadcaster_id text NOT NULL,
    gift_id        uuid NOT NULL,
    viewer_id      text NOT NULL,
    attempts       integer NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, gift_id)
);
CREATE INDEX gift_verifications_due ON gift_verifications (broadcaster_id, due_at);
COMMENT ON TABLE gift_verifications IS 'Unverified gift requests for which Twitch is to be asked whether the viewer subscribes. Gone when that is decided.';
COMMENT ON COLUMN gift_verifications.viewer_id IS 'Who asks for the gift.';
COMMENT ON COLUMN gift_verifications.attempts IS 'Calls begun so far. Whoever claims one knows it by this number.';
COMMENT ON COLUMN gift_verifications.due_at IS 'Not asked before this; while somebody asks, the lease, past which somebody else may.';
