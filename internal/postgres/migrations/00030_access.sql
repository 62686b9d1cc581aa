-- +goose Up
-- What a key is narrowed to (nothing: all that its roles allow), whose successor it is, who made it, and about when it was
-- used: written every few minutes at most.
ALTER TABLE api_keys
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN replaces uuid UNIQUE,
    ADD COLUMN created_by text NOT NULL DEFAULT '',
    ADD COLUMN last_used_at timestamptz;

-- Who is logged in with a browser. The cookie's token is never stored: it is 256 random bits, so its plain SHA-256 is
-- enough. A session that a key began ends with the key.
CREATE TABLE sessions (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    caller     text        NOT NULL,
    tenant     text        NOT NULL,
    roles      text[]      NOT NULL,
    scopes     text[]      NOT NULL,
    key_id     uuid        REFERENCES api_keys,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_expiry ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
ALTER TABLE api_keys DROP COLUMN scopes, DROP COLUMN replaces, DROP COLUMN created_by, DROP COLUMN last_used_at;
