-- +goose NO TRANSACTION
-- +goose Up
-- Orders that have steps to be carried out now: one that has been quiet for long stands still. The read model is built anew with it.
ALTER TABLE order_views ADD COLUMN steps_due boolean NOT NULL DEFAULT false;
CREATE INDEX CONCURRENTLY order_views_steps_due ON order_views (updated_at) WHERE steps_due;

-- +goose Down
DROP INDEX CONCURRENTLY order_views_steps_due;
ALTER TABLE order_views DROP COLUMN steps_due;
