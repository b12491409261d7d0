-- The pool's counts, so that transactions that change the pool at the same time do not wait for one another: each adds to
-- whichever row nobody else is writing.

CREATE TABLE pool_counts (
    broadcaster_id text NOT NULL,
    shard          smallint NOT NULL,
    members        integer[] NOT NULL CHECK (cardinality(members) = 256 AND array_position(members, NULL) IS NULL),
    PRIMARY KEY (broadcaster_id, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE pool_counts IS 'How many members of the pool are in each bucket: the sum of the broadcaster''s rows. A transaction adds what it changes to one row that no other holds.';
COMMENT ON COLUMN pool_counts.broadcaster_id IS 'The streamer''s Twitch user id.';
COMMENT ON COLUMN pool_counts.shard IS 'Tells the rows apart; there are as many as transactions were at work at once.';
COMMENT ON COLUMN pool_counts.members IS 'Members that joined less those that left, for the buckets 0 to 255 in this order. Below zero where they left by another row than they joined by.';

INSERT INTO pool_counts (broadcaster_id, shard, members)
SELECT broadcaster_id, 0, array_agg(coalesce(kept.members, 0)::integer ORDER BY bucket)
FROM (SELECT DISTINCT broadcaster_id FROM pool_buckets) AS known
CROSS JOIN generate_series(0, 255) AS bucket
LEFT JOIN pool_buckets AS kept USING (broadcaster_id, bucket)
GROUP BY broadcaster_id;

DROP TABLE pool_buckets;

COMMENT ON COLUMN pool_members.bucket IS 'A hash of the viewer, 0 to 255: with the counts in pool_counts, the n-th member is found without reading the others.';
