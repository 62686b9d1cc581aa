-- +goose Up
-- Orders as they are, for lists and single reads. state is the whole order; the columns are what is searched and listed.
CREATE TABLE order_views (
    order_id        text        PRIMARY KEY,
    tenant          text        NOT NULL,
    version         integer     NOT NULL,
    status          text        NOT NULL,
    customer_id     text        NOT NULL,
    external_ref    text        NOT NULL,
    currency        text        NOT NULL,
    total           bigint      NOT NULL,
    placed_at       timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    needs_attention boolean     NOT NULL,
    state           jsonb       NOT NULL
) WITH (fillfactor = 80);

-- Lists are read newest first, a page at a time after (placed_at, order_id).
CREATE INDEX order_views_placed ON order_views (placed_at, order_id);
CREATE INDEX order_views_tenant ON order_views (tenant, placed_at, order_id);
CREATE INDEX order_views_status ON order_views (tenant, status, placed_at, order_id);
CREATE INDEX order_views_customer ON order_views (customer_id, placed_at, order_id);
CREATE INDEX order_views_external_ref ON order_views (external_ref) WHERE external_ref <> '';
CREATE INDEX order_views_attention ON order_views (placed_at, order_id) WHERE needs_attention;

-- The work queue of operators: the parked steps, as long as they are parked.
CREATE TABLE attention_queue (
    order_id      text        NOT NULL,
    attention_id  text        NOT NULL,
    tenant        text        NOT NULL,
    step          text        NOT NULL,
    shipment_id   text        NOT NULL,
    code          text        NOT NULL,
    carrier       text        NOT NULL,
    message       text        NOT NULL,
    since         timestamptz NOT NULL,
    attempts      integer     NOT NULL,
    next_retry_at timestamptz,
    allowed       text[]      NOT NULL,
    PRIMARY KEY (order_id, attention_id)
);

CREATE INDEX attention_queue_oldest ON attention_queue (since, order_id, attention_id);

-- Which order a parcel belongs to.
CREATE TABLE shipment_index (
    shipment_id     text PRIMARY KEY,
    order_id        text NOT NULL,
    tenant          text NOT NULL,
    tracking_number text NOT NULL
);

CREATE INDEX shipment_index_tracking ON shipment_index (tracking_number) WHERE tracking_number <> '';
CREATE INDEX shipment_index_order ON shipment_index (order_id);

-- +goose Down
DROP TABLE shipment_index;
DROP TABLE attention_queue;
DROP TABLE order_views;
