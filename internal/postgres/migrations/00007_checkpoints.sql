-- +goose Up
-- Signed checkpoints of the heads of all streams: what a chain of hashes cannot show, a tail that was cut off or a stream that
-- is gone, shows against them. Numbered from 1 without a gap; each one names the hash of the one before it.
CREATE TABLE checkpoints (
    id        bigint      PRIMARY KEY CHECK (id > 0),
    tx        xid8        NOT NULL, -- with position: the last event of the feed that it covers
    position  bigint      NOT NULL,
    made_at   timestamptz NOT NULL,
    heads     integer     NOT NULL CHECK (heads >= 0),
    root      bytea       NOT NULL,
    previous  bytea       NOT NULL,
    key_id    text        NOT NULL,
    signature bytea       NOT NULL
);

-- The heads of the streams that changed since the checkpoint before; the root is the hash of the tree over them, by name.
-- Names are ordered by their bytes, in every database alike.
CREATE TABLE checkpoint_heads (
    checkpoint_id bigint  NOT NULL,
    order_id      text    COLLATE "C" NOT NULL,
    version       integer NOT NULL CHECK (version > 0),
    hash          bytea   NOT NULL,
    PRIMARY KEY (checkpoint_id, order_id)
);

-- What the checkpoints say of one stream.
CREATE INDEX checkpoint_heads_stream ON checkpoint_heads (order_id, checkpoint_id);

-- +goose StatementBegin
CREATE FUNCTION refuse_changing_checkpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'checkpoints are never changed: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER checkpoints_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_changing_checkpoints();

CREATE TRIGGER checkpoint_heads_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_changing_checkpoints();

-- +goose Down
DROP TABLE checkpoint_heads;
DROP TABLE checkpoints;
DROP FUNCTION refuse_changing_checkpoints();
