-- +goose Up
-- Operations over many orders: what somebody wanted of all that matched, and what became of each.
CREATE TABLE bulk_operations (
    bulk_id      text        PRIMARY KEY,
    tenant       text        NOT NULL,
    request_hash bytea       NOT NULL,
    command      text        NOT NULL CHECK (command IN ('retry', 'reroute', 'cancel')),
    filter       jsonb       NOT NULL,
    carrier      text        NOT NULL,
    warehouse    text        NOT NULL,
    reason       text        NOT NULL,
    dry_run      boolean     NOT NULL,
    rate         integer     NOT NULL CHECK (rate > 0), -- orders a second
    actor        jsonb       NOT NULL,
    state        text        NOT NULL CHECK (state IN ('running', 'suspended', 'cancelled', 'completed')),
    started_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz
);

CREATE INDEX bulk_operations_latest ON bulk_operations (tenant, started_at, bulk_id);

-- The orders that matched when the operation began, each with its attention or its own id as the target.
CREATE TABLE bulk_targets (
    bulk_id      text        NOT NULL REFERENCES bulk_operations,
    order_id     text        NOT NULL,
    attention_id text        NOT NULL, -- empty when the whole order is meant
    shipment_id  text        NOT NULL,
    status       text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'refused')),
    version      integer,              -- of the order after the command
    detail       text        NOT NULL DEFAULT '',
    PRIMARY KEY (bulk_id, order_id, attention_id)
);

CREATE INDEX bulk_targets_pending ON bulk_targets (bulk_id, order_id, attention_id) WHERE status = 'pending';

-- +goose Down
DROP TABLE bulk_targets;
DROP TABLE bulk_operations;
