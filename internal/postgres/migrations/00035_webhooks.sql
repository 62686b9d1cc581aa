-- +goose Up
-- Where integrators want to be told of events. The secrets are sealed with a key of the vault's.
CREATE TABLE webhook_endpoints (
    endpoint_id     text        PRIMARY KEY,
    tenant          text        NOT NULL,
    url             text        NOT NULL,
    event_types     text[]      NOT NULL, -- empty: all
    description     text        NOT NULL,
    secret          jsonb       NOT NULL,
    previous_secret jsonb,                -- signs, too, until previous_until
    previous_until  timestamptz,
    rotation        text        NOT NULL DEFAULT '', -- the command that rotated the secret last
    request_hash    bytea       NOT NULL,            -- of the request that made the endpoint
    disabled_reason text        NOT NULL DEFAULT '', -- empty: it is enabled
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX webhook_endpoints_tenant ON webhook_endpoints (tenant, created_at, endpoint_id);

-- One row for each event and each endpoint that wants it. A row that is pending is due at next_try_at; whoever delivers it
-- moves that ahead first, which keeps others away until it must have ended.
CREATE TABLE webhook_deliveries (
    n           bigint      GENERATED ALWAYS AS IDENTITY,
    endpoint_id text        NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    order_id    text        COLLATE "C" NOT NULL,
    version     integer     NOT NULL,
    delivery_id text        NOT NULL UNIQUE, -- the header webhook-id
    event_type  text        NOT NULL,
    status      text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts    integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    queued_at   timestamptz NOT NULL DEFAULT now(), -- by now, or when it was replayed
    ended_at    timestamptz,
    http_status integer     NOT NULL DEFAULT 0, -- of the last answer; 0 when there was none
    detail      text        NOT NULL DEFAULT '', -- what was wrong with the last attempt
    PRIMARY KEY (endpoint_id, order_id, version)
) WITH (fillfactor = 80);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_try_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_latest ON webhook_deliveries (endpoint_id, n);
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (endpoint_id, n) WHERE status = 'dead';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (endpoint_id, ended_at) WHERE status = 'delivered';

-- +goose Down
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;
