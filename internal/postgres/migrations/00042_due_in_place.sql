-- +goose NO TRANSACTION
-- +goose Up
-- Each event moves updated_at: in an index, even in one of few rows, it has every update of every order written to all indexes.
-- Orders with steps due are few, and sorted when they are asked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS order_views_due ON order_views (placed_at) WHERE steps_due;
DROP INDEX CONCURRENTLY IF EXISTS order_views_steps_due;

-- +goose Down
CREATE INDEX CONCURRENTLY order_views_steps_due ON order_views (updated_at) WHERE steps_due;
DROP INDEX CONCURRENTLY order_views_due;
