-- +goose Up
-- A read model is built anew beside the one that is served: its tables of the next generation have the same names in a schema of
-- their own, and take the place of the present ones in one transaction. The services may not make or drop tables; these
-- functions do that for them, for the tables that are listed here and no others.
CREATE SCHEMA orderly_next;
GRANT USAGE ON SCHEMA orderly_next TO orderly_app;

-- The tables that hold nothing but what follows from the events.
CREATE TABLE read_model_tables (table_name text PRIMARY KEY);
REVOKE INSERT, UPDATE, DELETE ON read_model_tables FROM orderly_app;
INSERT INTO read_model_tables VALUES ('order_views'), ('attention_queue'), ('shipment_index');

-- How many shards a projection is split into, and how far a rebuild has come in the archive, whose events the feed has not.
ALTER TABLE projections
    ADD COLUMN shards integer NOT NULL DEFAULT 1 CHECK (shards > 0),
    ADD COLUMN archived_order text NOT NULL DEFAULT '',
    ADD COLUMN archived_version integer NOT NULL DEFAULT 0;

-- Rebuilds that are under way. The checkpoint of each is a row of projections with ~next behind the name.
CREATE TABLE projection_rebuilds (
    name       text        PRIMARY KEY,
    version    integer     NOT NULL,
    archive    boolean     NOT NULL DEFAULT true, -- the archived events are still being applied
    started_at timestamptz NOT NULL DEFAULT now()
);

-- +goose StatementBegin
CREATE FUNCTION orderly_make_generation(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    present oid;
    name    text;
    part    record;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        IF NOT EXISTS (SELECT FROM public.read_model_tables WHERE table_name = name) THEN
            RAISE EXCEPTION '% is no table of a read model', name;
        END IF;
        present := format('public.%I', name)::regclass;
        EXECUTE format('DROP TABLE IF EXISTS orderly_next.%I', name);
        EXECUTE format('CREATE TABLE orderly_next.%1$I (LIKE public.%1$I INCLUDING ALL EXCLUDING INDEXES)', name);
        FOR part IN SELECT unnest(reloptions) AS option FROM pg_class WHERE oid = present LOOP
            EXECUTE format('ALTER TABLE orderly_next.%I SET (%s)', name, part.option);
        END LOOP;
        FOR part IN SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = present LOOP
            EXECUTE replace(part.definition, format(' ON public.%I ', name), format(' ON orderly_next.%I ', name));
        END LOOP;
        FOR part IN SELECT conname FROM pg_constraint WHERE conrelid = present AND contype = 'p' LOOP
            EXECUTE format('ALTER TABLE orderly_next.%I ADD CONSTRAINT %2$I PRIMARY KEY USING INDEX %2$I', name, part.conname);
        END LOOP;
        FOR part IN
            SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee
            FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = present
        LOOP
            EXECUTE format('GRANT %s ON orderly_next.%I TO %s', part.privilege_type, name, part.grantee);
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION orderly_swap_generation(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        IF NOT EXISTS (SELECT FROM public.read_model_tables WHERE table_name = name) THEN
            RAISE EXCEPTION '% is no table of a read model', name;
        END IF;
        EXECUTE format('DROP TABLE %I.%I', 'public', name);
        EXECUTE format('ALTER TABLE orderly_next.%I SET SCHEMA public', name);
    END LOOP;
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION orderly_make_generation(text[]), orderly_swap_generation(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION orderly_make_generation(text[]), orderly_swap_generation(text[]) TO orderly_app;

-- +goose Down
DROP FUNCTION orderly_swap_generation(text[]);
DROP FUNCTION orderly_make_generation(text[]);
DROP TABLE projection_rebuilds;
ALTER TABLE projections DROP COLUMN archived_version, DROP COLUMN archived_order, DROP COLUMN shards;
DROP TABLE read_model_tables;
DROP SCHEMA orderly_next CASCADE;
