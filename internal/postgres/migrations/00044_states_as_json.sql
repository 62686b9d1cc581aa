-- +goose Up
-- What the next generation of a read model's table has that the present one may not have yet: a clause of ALTER TABLE. A table that
-- is being read and written is not rewritten, it is built anew with the next version of its projection.
ALTER TABLE read_model_tables ADD COLUMN shape text NOT NULL DEFAULT '';

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION orderly_make_generation(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    present oid;
    name    text;
    change  text;
    part    record;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        SELECT shape INTO change FROM public.read_model_tables WHERE table_name = name;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% is no table of a read model', name;
        END IF;
        present := format('public.%I', name)::regclass;
        EXECUTE format('DROP TABLE IF EXISTS orderly_next.%I', name);
        EXECUTE format('CREATE TABLE orderly_next.%1$I (LIKE public.%1$I INCLUDING ALL EXCLUDING INDEXES)', name);
        IF change <> '' THEN
            EXECUTE format('ALTER TABLE orderly_next.%I %s', name, change);
        END IF;
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

-- States are written with every event and read whole: as json, in the form in which they come, that costs half of what jsonb
-- costs, and less space. Not every Postgres has lz4.
DO $$
DECLARE
    json constant text := 'ALTER COLUMN state TYPE json';
    lz4  constant text := ', ALTER COLUMN state SET COMPRESSION lz4';
    wanted text := json;
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        wanted := json || lz4;
    END IF;
    INSERT INTO read_model_tables (table_name, shape) VALUES ('order_views', wanted)
        ON CONFLICT (table_name) DO UPDATE SET shape = excluded.shape;
    IF NOT EXISTS (SELECT FROM order_views) THEN
        EXECUTE 'ALTER TABLE order_views ' || wanted;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION orderly_make_generation(tables text[]) RETURNS void
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
-- +goose StatementEnd
ALTER TABLE read_model_tables DROP COLUMN shape;
ALTER TABLE order_views ALTER COLUMN state TYPE jsonb USING state::jsonb;
