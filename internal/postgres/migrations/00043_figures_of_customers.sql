-- +goose NO TRANSACTION
-- +goose Up
-- Nobody looks for the figures of a customer's orders: what they come to is in customer_totals.
DROP INDEX CONCURRENTLY IF EXISTS order_figures_customer;

-- +goose Down
CREATE INDEX CONCURRENTLY order_figures_customer ON order_figures (tenant, customer_id);
