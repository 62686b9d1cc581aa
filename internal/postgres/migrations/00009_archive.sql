-- +goose Up
-- The streams whose events up to a version stand in a file instead of the table: file is a name in the archive's
-- directory, and from offset on, length bytes long, lies the stream's part of it, whose SHA-256 is known here.
CREATE TABLE archived_streams (
    order_id    text        PRIMARY KEY,
    version     integer     NOT NULL CHECK (version > 0), -- the last one that was archived
    file        text        NOT NULL,
    "offset"    bigint      NOT NULL CHECK ("offset" >= 0),
    length      bigint      NOT NULL CHECK (length > 0),
    sha256      bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    archived_at timestamptz NOT NULL DEFAULT now()
);

-- An event may leave the table when the archive has it, unless it is the last of its stream: that one carries the head, on
-- which later events build. Everything else is refused as before.
-- +goose StatementBegin
CREATE FUNCTION refuse_deleting_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM archived_streams a WHERE a.order_id = OLD.order_id AND a.version >= OLD.version)
        AND EXISTS (SELECT FROM order_events e WHERE e.order_id = OLD.order_id AND e.version > OLD.version) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'events are never deleted: version % of % is not archived, or is the last one', OLD.version, OLD.order_id
        USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

DROP TRIGGER order_events_append_only ON order_events;
CREATE TRIGGER order_events_append_only
    BEFORE UPDATE OR TRUNCATE ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER order_events_delete_archived
    BEFORE DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION refuse_deleting_events();

-- Archiving is the owner's: the services only look up what was archived.
REVOKE INSERT, UPDATE, DELETE ON archived_streams FROM orderly_app;

-- +goose Down
DROP TRIGGER order_events_delete_archived ON order_events;
DROP FUNCTION refuse_deleting_events();
DROP TRIGGER order_events_append_only ON order_events;
CREATE TRIGGER order_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
DROP TABLE archived_streams;
