-- Improving the search in one go: each attempt with what is done of it, and when one is due.
create table improvement (
    id bigint primary key generated always as identity,
    who text not null,
    before text not null,                       -- the version that served when it began
    pairs jsonb,                                -- what making pairs came to; null: not done yet
    run_id bigint references training_run on delete set null,
    version text,                               -- that it made; null: not trained yet
    evaluation_id bigint references evaluation on delete set null,
    outcome text check (outcome in ('promoted', 'kept', 'nothing', 'failed', 'stopped')),
    sentence text not null default '',          -- what came of it, for a person
    created_at timestamptz not null default now(),
    ended_at timestamptz
);
-- One at a time: the next call goes on with the one that has not ended.
create unique index improvement_unfinished on improvement ((true)) where ended_at is null;

create table improve_schedule (
    only_row boolean primary key default true check (only_row),
    every text not null check (every in ('off', 'weekly', 'votes')),
    votes int not null default 0,               -- with 'votes': so many new ones
    set_by text not null,
    set_at timestamptz not null default now()
);

-- How fast a machine trains a base model, measured once: estimates need not measure again.
create table training_speed (
    base text not null,
    machine text not null,                      -- its device and threads
    speed jsonb not null,
    measured_at timestamptz not null default now(),
    primary key (base, machine)
);
