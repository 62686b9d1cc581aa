-- +goose NO TRANSACTION
-- +goose Up
-- An order that has ended may have more to come: a return, or what is left to be put right. The rules say which; rows of before
-- say it once they are written again, and until then by their status.
ALTER TABLE order_views ADD COLUMN open boolean;
CREATE INDEX CONCURRENTLY order_views_still_open ON order_views (order_id) WHERE coalesce(open, status NOT IN ('closed', 'cancelled'));
DROP INDEX CONCURRENTLY order_views_open;

-- +goose Down
CREATE INDEX CONCURRENTLY order_views_open ON order_views (order_id) WHERE status NOT IN ('closed', 'cancelled');
DROP INDEX CONCURRENTLY order_views_still_open;
ALTER TABLE order_views DROP COLUMN open;
