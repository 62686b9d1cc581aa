-- +goose Up
-- Counts the times that events were taken out of the table. A writer whose head was read in the current epoch need not look
-- whether the event before its own is still there: see eventstore/epoch.go. Its value is read in each append, and a
-- sequence's is the cheapest there is.
CREATE SEQUENCE archive_epoch;
SELECT nextval('archive_epoch');
GRANT SELECT ON SEQUENCE archive_epoch TO orderly_app;

-- +goose Down
DROP SEQUENCE archive_epoch;
