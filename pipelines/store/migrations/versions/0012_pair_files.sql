-- A file of pairs that a job is to import: the worker may be on another machine.
create table pair_file (
    id bigint primary key generated always as identity,
    name text not null,
    content text not null,                      -- JSON, checked before it was stored
    created_at timestamptz not null default now()
);
