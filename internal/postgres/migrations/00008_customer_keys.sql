-- +goose Up
-- The keys with which the personal data of customers is encrypted, each wrapped by a master key of the configuration.
-- Deleting a row makes everything unreadable that was encrypted with it, wherever it lies.
CREATE TABLE customer_keys (
    tenant      text        NOT NULL,
    customer_id text        NOT NULL,
    key_id      uuid        NOT NULL,
    wrapped     bytea       NOT NULL,
    master_key  text        NOT NULL, -- the name of the master key
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, customer_id)
);

-- +goose Down
DROP TABLE customer_keys;
