-- What is remembered of Twitch: the tokens that it has renewed, and how the subscription to chat stands.

CREATE TABLE twitch_tokens (
    broadcaster_id text NOT NULL,
    grant_id       text NOT NULL,
    access_token   text NOT NULL,
    refresh_token  text NOT NULL,
    refused_at     timestamptz,
    refusal        text,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, grant_id),
    CHECK (num_nulls(refused_at, refusal) IN (0, 2))
);
COMMENT ON TABLE twitch_tokens IS 'The broadcaster''s tokens as Twitch last renewed them. Whoever renews them holds the row''s lock meanwhile.';
COMMENT ON COLUMN twitch_tokens.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN twitch_tokens.grant_id IS 'A digest of the client id and the configured refresh token that the pair descends from: another configured token has no row here, and so wins.';
COMMENT ON COLUMN twitch_tokens.access_token IS 'What Helix calls carry. As secret as the setting.';
COMMENT ON COLUMN twitch_tokens.refresh_token IS 'What renews it. As secret as the setting.';
COMMENT ON COLUMN twitch_tokens.refused_at IS 'When Twitch last refused the refresh token; null since it was last accepted.';
COMMENT ON COLUMN twitch_tokens.refusal IS 'What Twitch said then.';
COMMENT ON COLUMN twitch_tokens.updated_at IS 'When the row was last written.';

CREATE TABLE eventsub_subscriptions (
    broadcaster_id     text NOT NULL,
    subscription_type  text NOT NULL,
    state              text NOT NULL CHECK (state IN ('creating', 'pending', 'enabled', 'revoked', 'failed')),
    reason             text,
    subscription_id    text,
    secret_fingerprint text,
    attempts           integer NOT NULL DEFAULT 0,
    create_after       timestamptz NOT NULL,
    due_at             timestamptz NOT NULL,
    revocations        integer NOT NULL DEFAULT 0,
    lease_holder       uuid,
    lease_until        timestamptz,
    changed_at         timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, subscription_type),
    CHECK (num_nulls(lease_holder, lease_until) IN (0, 2))
);
COMMENT ON TABLE eventsub_subscriptions IS 'How each subscription at Twitch stands, as every process shows it.';
COMMENT ON COLUMN eventsub_subscriptions.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN eventsub_subscriptions.subscription_type IS 'Twitch''s name of the type, such as channel.chat.message.';
COMMENT ON COLUMN eventsub_subscriptions.state IS 'creating: asked for, not known to be there; pending: Twitch verifies the callback; revoked: ended by Twitch; failed: cannot be made at present.';
COMMENT ON COLUMN eventsub_subscriptions.reason IS 'Why it was revoked, or cannot be made.';
COMMENT ON COLUMN eventsub_subscriptions.subscription_id IS 'Twitch''s id of it.';
COMMENT ON COLUMN eventsub_subscriptions.secret_fingerprint IS 'A code of the secret that it was made with, which Twitch does not show: by it a changed secret is noticed.';
COMMENT ON COLUMN eventsub_subscriptions.attempts IS 'Times that it was made, or failed to be, since it last was in order for a while; the pauses grow with them.';
COMMENT ON COLUMN eventsub_subscriptions.create_after IS 'It is not made again before this.';
COMMENT ON COLUMN eventsub_subscriptions.due_at IS 'When to look at it next.';
COMMENT ON COLUMN eventsub_subscriptions.revocations IS 'Revocations received; what was found out before the last of them is not taken.';
COMMENT ON COLUMN eventsub_subscriptions.lease_holder IS 'The process that is looking after it now.';
COMMENT ON COLUMN eventsub_subscriptions.lease_until IS 'Until when nobody else does.';
COMMENT ON COLUMN eventsub_subscriptions.changed_at IS 'When the state last changed.';
