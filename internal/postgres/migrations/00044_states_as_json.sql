-- +goose Up
-- What the next generation of a read model's table has that the present one may not have yet: a clause of ALTER TABLE. A table that
-- is being read and written is not rewritten, it is built anew with the next version of its projection.
ALTER TABLE read_model_tables ADD COLUMN shape text NOT NULL DEFAULT '';

-- +goose StatementBegin
CREATE FUNCTION orderly_shape_generation(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT table_name, shape FROM public.read_model_tables WHERE table_name = ANY (tables) AND shape <> '' LOOP
        EXECUTE format('ALTER TABLE orderly_next.%I %s', wanted.table_name, wanted.shape);
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

REVOKE ALL ON FUNCTION orderly_shape_generation(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION orderly_shape_generation(text[]) TO orderly_app;

-- +goose Down
DROP FUNCTION orderly_shape_generation(text[]);
ALTER TABLE read_model_tables DROP COLUMN shape;
ALTER TABLE order_views ALTER COLUMN state TYPE jsonb USING state::jsonb;
