-- +goose Up
-- How far each projection has come. The row is claimed by whoever runs the shard: the fence grows with each takeover, and a
-- batch moves the checkpoint only under the fence it began with. It changes with every batch: room for updates in place.
CREATE TABLE projections (
    name                text        NOT NULL,
    shard               integer     NOT NULL DEFAULT 0 CHECK (shard >= 0),
    version             integer     NOT NULL CHECK (version > 0),
    checkpoint_tx       xid8        NOT NULL DEFAULT '0',
    checkpoint_position bigint      NOT NULL DEFAULT 0,
    fence               bigint      NOT NULL DEFAULT 0,
    seen_at             timestamptz,
    error               text        NOT NULL DEFAULT '',
    PRIMARY KEY (name, shard)
) WITH (fillfactor = 50);

-- Events that could not be projected, and what came later of the same orders. Read by the order of each stream.
CREATE TABLE projection_dead_letters (
    name       text        NOT NULL,
    shard      integer     NOT NULL,
    order_id   text        NOT NULL,
    version    integer     NOT NULL,
    event_id   uuid        NOT NULL,
    event_type text        NOT NULL,
    tx         xid8        NOT NULL,
    position   bigint      NOT NULL,
    error      text        NOT NULL, -- of the event that failed; empty for those parked behind it
    parked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, shard, order_id, version)
);

-- +goose Down
DROP TABLE projection_dead_letters;
DROP TABLE projections;
