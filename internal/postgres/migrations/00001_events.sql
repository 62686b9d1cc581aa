-- +goose Up
-- The truth: every event of every order, in the order of its stream (order_id, version) and of the feed (tx, position).
CREATE TABLE order_events (
    order_id       text        COLLATE "C" NOT NULL, -- names are compared by their bytes, which is what an index is fastest at
    version        integer     NOT NULL CHECK (version > 0),
    id             uuid        NOT NULL,
    event_type     text        NOT NULL,
    schema_version smallint    NOT NULL CHECK (schema_version > 0),
    data           jsonb       NOT NULL,
    metadata       jsonb       NOT NULL,
    created_at     timestamptz NOT NULL,
    position       bigint      GENERATED ALWAYS AS IDENTITY,
    tx             xid8        NOT NULL DEFAULT pg_current_xact_id(),
    hash           bytea       NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- The feed. A number is taken at insert and becomes visible at commit; with the transaction in front of it, and
-- everything above the oldest running transaction left out, no event is ever skipped.
CREATE INDEX order_events_feed ON order_events (tx, position);

-- +goose StatementBegin
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER order_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- +goose Down
DROP TABLE order_events;
DROP FUNCTION refuse_rewriting_history();
