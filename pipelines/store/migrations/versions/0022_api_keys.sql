-- Keys of programs that use the interfaces below /v1 and /api/v1. A key itself is shown once.
create table api_key (
    id bigint primary key generated always as identity,
    name text not null,
    key_sha256 text not null unique,
    hint text not null,                         -- the last characters, so that people can tell keys apart
    scopes text[] not null,                     -- of: ask, ingest, admin
    collections text[],                         -- the only ones it reaches; null: those open to everyone
    per_minute integer not null,                -- requests; 0: no limit
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,                     -- null: never
    revoked_at timestamptz,
    used_at timestamptz                         -- to the minute
);
