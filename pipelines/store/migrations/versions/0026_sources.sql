-- Where documents live: folders, repositories, websites and other places that are followed.
create table source (
    id bigint primary key generated always as identity,
    address text not null,                      -- without passwords
    collection text not null,
    deletes boolean not null default false,     -- whether what is gone there is deleted here
    every_minutes integer not null default 0,   -- 0: only when somebody asks
    secret bytea,                               -- encrypted
    mark text not null default '',              -- the state of the whole source when it was last read
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (collection, address)
);

-- What was found there, each file or page with what tells whether it has changed since.
create table source_entry (
    source_id bigint not null references source on delete cascade,
    key text not null,                          -- path below the source, or address of a page
    document_source text not null,              -- `source` of its document
    size_bytes bigint,
    stamp text not null,                        -- time of change, etag or the like; empty: look again
    sha256 text not null,
    failure text,                               -- why its content cannot be read; null: it is in
    links text[] not null default '{}',         -- of a page
    run_id bigint not null,                     -- that saw it last
    primary key (source_id, key)
);
create index source_entry_document on source_entry (document_source);

create table source_run (
    id bigint primary key generated always as identity,
    source_id bigint not null references source on delete cascade,
    who text not null,
    created_at timestamptz not null default now(),
    ended_at timestamptz,                       -- null: it runs, or was cut off
    outcome text check (outcome in ('done', 'waiting', 'failed', 'stopped')),
    sentence text not null default '',
    counts jsonb not null default '{}',
    lines jsonb not null default '[]',          -- what changed, and what could not be read
    waiting text[] not null default '{}'        -- keys that are deleted once somebody confirms
);
create index source_run_source on source_run (source_id, id);
-- One at a time: the next one goes on with the one that has not ended.
create unique index source_run_unfinished on source_run (source_id) where ended_at is null;
