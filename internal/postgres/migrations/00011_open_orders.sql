-- +goose NO TRANSACTION
-- +goose Up
-- The orders that are not over, among the many that are: each of them has a workflow, and is looked up to see whether it has.
CREATE INDEX CONCURRENTLY order_views_open ON order_views (order_id) WHERE status NOT IN ('closed', 'cancelled');

-- +goose Down
DROP INDEX CONCURRENTLY order_views_open;
