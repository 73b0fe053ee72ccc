-- What jobs report, and what shadow answers showed. The queue's own tables come from its package.

create table job_progress (
    job_id bigint primary key,                  -- procrastinate's; it may forget the job before us
    task text not null,
    stage text not null default '',
    done bigint not null default 0,
    total bigint,                               -- null: not known
    rate real,                                  -- done per second
    eta_s real,
    result jsonb,                               -- what the job ended with
    fault text,                                 -- why it failed, for a person
    started_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- A candidate's silent answer to a live question, beside what was shown.
create table shadow_result (
    id bigint generated always as identity primary key,
    index_id bigint not null references search_index on delete cascade,
    epoch bigint not null,                      -- of the version that was shown
    message_id bigint,                          -- the shown answer, when it was kept
    shown bigint[] not null,                    -- chunks, best first
    candidate bigint[] not null,
    overlap real not null,                      -- share of the shown chunks the candidate found too
    took_ms real not null,
    at timestamptz not null default now()
);
create index shadow_result_index on shadow_result (index_id, id);
