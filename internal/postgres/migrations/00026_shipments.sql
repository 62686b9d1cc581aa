-- +goose NO TRANSACTION
-- +goose Up
-- Parcels are listed by state and carrier; rows of before say it once the read model of orders is rebuilt.
ALTER TABLE shipment_index
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS carrier text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS warehouse text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS eta timestamptz,
    ADD COLUMN IF NOT EXISTS placed_at timestamptz NOT NULL DEFAULT 'epoch';
CREATE INDEX CONCURRENTLY IF NOT EXISTS shipment_index_placed ON shipment_index (tenant, placed_at, shipment_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS shipment_index_status ON shipment_index (tenant, status, placed_at, shipment_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS shipment_index_carrier ON shipment_index (tenant, carrier, placed_at, shipment_id);

-- Which orders have an article.
CREATE TABLE IF NOT EXISTS order_skus (
    sku      text NOT NULL,
    order_id text NOT NULL,
    PRIMARY KEY (sku, order_id)
);
CREATE INDEX IF NOT EXISTS order_skus_order ON order_skus (order_id);

INSERT INTO read_model_tables VALUES ('order_skus') ON CONFLICT DO NOTHING;

-- +goose Down
DELETE FROM read_model_tables WHERE table_name = 'order_skus';
DROP TABLE order_skus;
DROP INDEX CONCURRENTLY shipment_index_carrier;
DROP INDEX CONCURRENTLY shipment_index_status;
DROP INDEX CONCURRENTLY shipment_index_placed;
ALTER TABLE shipment_index
    DROP COLUMN placed_at, DROP COLUMN eta, DROP COLUMN warehouse, DROP COLUMN carrier, DROP COLUMN status;
