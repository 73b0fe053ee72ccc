create table app_secret (
    name text primary key,
    value bytea not null                        -- shared by all servers on this database
);

create table login_session (
    token_sha256 text primary key,              -- the token itself is in the browser alone
    who text not null,
    via text not null,                          -- admin-password | chat-password | link | oauth
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index login_session_expires on login_session (expires_at);

create table login_link (
    token_sha256 text primary key,              -- opens the admin pages once
    expires_at timestamptz not null
);

create table usage_count (
    key text not null,                          -- what is counted, and of whom
    slot timestamptz not null,                  -- start of the stretch of time it is counted in
    used bigint not null,
    primary key (key, slot)
);
create index usage_count_slot on usage_count (slot);
