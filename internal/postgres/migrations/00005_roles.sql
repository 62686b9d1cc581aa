-- +goose Up
-- Who migrates owns the tables; the services are orderly_app, which may append events and never change them. Roles belong to
-- the whole cluster, so the role may be there already, or be made by another database's migration at this moment.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'orderly_app') THEN
        CREATE ROLE orderly_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role of the services: let an administrator run CREATE ROLE orderly_app; GRANT orderly_app TO %;',
            current_user, quote_ident(current_user);
END
$$;

-- One login can then do both: it migrates as itself, and serves as orderly_app.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'orderly_app', 'MEMBER') THEN
        EXECUTE format('GRANT orderly_app TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the services need a login of their own that is a member of orderly_app';
END
$$;

-- With this the services can tell which session holds the feed back; without it, only that one does.
DO $$
BEGIN
    IF NOT pg_has_role('orderly_app', 'pg_read_all_stats', 'MEMBER') THEN
        GRANT pg_read_all_stats TO orderly_app;
    END IF;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'orderly_app does not get pg_read_all_stats: %', SQLERRM;
END
$$;
-- +goose StatementEnd

GRANT USAGE ON SCHEMA public TO orderly_app;
GRANT SELECT ON goose_db_version TO orderly_app;
GRANT SELECT, INSERT ON order_events TO orderly_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    projections, projection_dead_letters, order_views, attention_queue, shipment_index, api_keys, idempotency_keys TO orderly_app;

-- Tables that come later get the same, unless their migration takes UPDATE and DELETE away again.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO orderly_app;

-- +goose Down
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM orderly_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM orderly_app;
REVOKE ALL ON SCHEMA public FROM orderly_app;
