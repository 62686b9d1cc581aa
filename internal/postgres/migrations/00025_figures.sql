-- +goose Up
-- What is counted of each order, as far as its version: the counters below grow by how these rows change.
CREATE TABLE order_figures (
    order_id     text        PRIMARY KEY,
    version      integer     NOT NULL,
    tenant       text        NOT NULL,
    customer_id  text        NOT NULL,
    currency     text        NOT NULL,
    channel      text        NOT NULL,
    placed_at    timestamptz NOT NULL,
    status       text        NOT NULL,
    status_since timestamptz NOT NULL,
    total        bigint      NOT NULL,
    captured     bigint      NOT NULL,
    refunded     bigint      NOT NULL,
    parcels      jsonb       NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX order_figures_customer ON order_figures (tenant, customer_id);

-- Every change of a status, for ever. from_status is empty for the first one of an order; since is when that status began.
CREATE TABLE status_changes (
    order_id    text        NOT NULL,
    version     integer     NOT NULL,
    tenant      text        NOT NULL,
    at          timestamptz NOT NULL,
    from_status text        NOT NULL,
    since       timestamptz NOT NULL,
    to_status   text        NOT NULL,
    PRIMARY KEY (order_id, version)
);

CREATE INDEX status_changes_at ON status_changes (tenant, at) INCLUDE (from_status, since, to_status);

-- By how much the number of orders in a status grew within each minute, hour, day and month of UTC.
CREATE TABLE status_nets (
    tenant text        NOT NULL,
    span   text        NOT NULL CHECK (span IN ('minute', 'hour', 'day', 'month')),
    begins timestamptz NOT NULL,
    status text        NOT NULL,
    net    bigint      NOT NULL,
    PRIMARY KEY (tenant, span, begins, status)
) WITH (fillfactor = 80);

-- What happened on each day of UTC: orders that were placed, by how much the value of orders grew, money that was taken and given back.
CREATE TABLE daily_sales (
    tenant   text   NOT NULL,
    day      date   NOT NULL,
    currency text   NOT NULL,
    channel  text   NOT NULL,
    orders   bigint NOT NULL,
    ordered  bigint NOT NULL,
    captured bigint NOT NULL,
    refunded bigint NOT NULL,
    PRIMARY KEY (tenant, day, currency, channel)
) WITH (fillfactor = 80);

-- What a customer has ordered, paid and got back.
CREATE TABLE customer_totals (
    tenant          text        NOT NULL,
    customer_id     text        NOT NULL,
    currency        text        NOT NULL,
    orders          bigint      NOT NULL,
    ordered         bigint      NOT NULL,
    captured        bigint      NOT NULL,
    refunded        bigint      NOT NULL,
    first_placed_at timestamptz NOT NULL,
    last_placed_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, customer_id, currency)
) WITH (fillfactor = 80);

-- How many parcels took how long, by the day of UTC on which they arrived where the leg ends: ship is from the order to the
-- carrier, deliver from the carrier to the customer. within_seconds bounds the time, and is 0 where nothing does.
CREATE TABLE delivery_times (
    tenant         text   NOT NULL,
    day            date   NOT NULL,
    carrier        text   NOT NULL,
    leg            text   NOT NULL CHECK (leg IN ('ship', 'deliver')),
    within_seconds bigint NOT NULL,
    parcels        bigint NOT NULL,
    seconds        bigint NOT NULL, -- of all of them
    PRIMARY KEY (tenant, day, carrier, leg, within_seconds)
) WITH (fillfactor = 80);

INSERT INTO read_model_tables VALUES
    ('order_figures'), ('status_changes'), ('status_nets'), ('daily_sales'), ('customer_totals'), ('delivery_times');

-- +goose Down
DELETE FROM read_model_tables
WHERE table_name IN ('order_figures', 'status_changes', 'status_nets', 'daily_sales', 'customer_totals', 'delivery_times');
DROP TABLE delivery_times;
DROP TABLE customer_totals;
DROP TABLE daily_sales;
DROP TABLE status_nets;
DROP TABLE status_changes;
DROP TABLE order_figures;
