-- +goose Up

-- Keys of the HTTP API. The key itself is never stored: it is 256 random bits, so its plain SHA-256 is enough.
create table api_keys (
    id         uuid        primary key,
    name       text        not null,
    tenant     text        not null,
    key_hash   bytea       not null unique check (octet_length(key_hash) = 32),
    last_four  text        not null,
    roles      text[]      not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- What became of commands, by the key that their sender gave them. A row without a status is a claim: somebody is at
-- it until claimed_until. A finished one remembers the version that the command led to, or the refusal; the answer is
-- made of it again, so that no personal data is kept here.
create table idempotency_keys (
    tenant        text        not null,
    key           text        not null,
    route         text        not null,
    order_id      text        not null,
    command_id    text        not null,
    request_hash  bytea       not null,
    claim         bigint      not null,
    claimed_until timestamptz not null,
    status        smallint,
    version       integer,
    problem       bytea,
    created_at    timestamptz not null default now(),
    primary key (tenant, key, route)
) with (fillfactor = 80);

-- Rows come in the order of time and are forgotten in it.
create index idempotency_keys_age on idempotency_keys using brin (created_at);

-- +goose Down
drop table idempotency_keys;
drop table api_keys;
