-- +goose NO TRANSACTION
-- +goose Up
-- A target that cannot be reached is tried again, later each time, after those that were not tried yet; in the end it has failed.
ALTER TABLE bulk_targets
    ADD COLUMN tries  integer     NOT NULL DEFAULT 0,
    ADD COLUMN try_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE bulk_targets
    DROP CONSTRAINT bulk_targets_status_check,
    ADD CONSTRAINT bulk_targets_status_check CHECK (status IN ('pending', 'done', 'refused', 'failed')) NOT VALID;
ALTER TABLE bulk_targets VALIDATE CONSTRAINT bulk_targets_status_check;
CREATE INDEX CONCURRENTLY bulk_targets_due ON bulk_targets (bulk_id, try_at, order_id, attention_id) WHERE status = 'pending';

-- +goose Down
DROP INDEX CONCURRENTLY bulk_targets_due;
UPDATE bulk_targets SET status = 'refused' WHERE status = 'failed';
ALTER TABLE bulk_targets
    DROP CONSTRAINT bulk_targets_status_check,
    ADD CONSTRAINT bulk_targets_status_check CHECK (status IN ('pending', 'done', 'refused'));
ALTER TABLE bulk_targets DROP COLUMN try_at, DROP COLUMN tries;
