-- +goose Up
-- The latest snapshot of each order: what reading it again would give, at a version. Only ever an optimisation: a row may be
-- deleted, and one that does not fit is ignored. hash and created_at are those of the event at the version, so that
-- the head of the stream can be told from it. The row is replaced again and again: room for updates in place.
CREATE TABLE order_snapshots (
    order_id       text        PRIMARY KEY,
    version        integer     NOT NULL CHECK (version > 0),
    hash           bytea       NOT NULL,
    created_at     timestamptz NOT NULL,
    schema_version smallint    NOT NULL CHECK (schema_version > 0), -- of the state's shape
    state          bytea       NOT NULL,
    checksum       bytea       NOT NULL, -- SHA-256 over all other columns
    taken_at       timestamptz NOT NULL
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE order_snapshots;
