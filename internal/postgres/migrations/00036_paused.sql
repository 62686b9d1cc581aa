-- +goose Up
-- Whether the shard's last runner was told to stop. The next one clears it.
ALTER TABLE projections ADD COLUMN paused boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE projections DROP COLUMN paused;
