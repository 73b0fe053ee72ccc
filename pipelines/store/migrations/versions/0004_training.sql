-- training

-- Evaluations: figures of retrieval on questions that no model was trained on.
create table evaluation (
    id bigint generated always as identity primary key,
    dataset text not null,                      -- file name, or 'corpus'
    dataset_sha256 text not null,               -- of its questions, passages and answers
    models text[] not null,                     -- sha256 of each model's files, or openai:NAME; the first is the reference
    verdict text not null,                      -- in words, for a person
    figures jsonb not null,                     -- the report without its questions
    created_by text not null default 'system',
    created_at timestamptz not null default now()
);
create index evaluation_models on evaluation using gin (models);

create table evaluation_question (
    evaluation_id bigint not null references evaluation on delete cascade,
    ordinal int not null,
    question text not null,
    leans_on_context boolean not null,          -- cannot be understood without its passage
    relevant text[] not null,                   -- ids of the passages that answer it
    results jsonb not null,                     -- by system: rank and the five best passages with scores
    primary key (evaluation_id, ordinal)
);

-- Fine-tuning runs. The files of a run are in a folder of its own, named by the id.
create table training_run (
    id bigint generated always as identity primary key,
    name text not null,                         -- of the model to come; empty: the next free v1, v2, ...
    settings jsonb not null,
    status text not null default 'new'
        check (status in ('new', 'running', 'done', 'failed', 'interrupted')),
    progress jsonb not null default '{}',       -- stage, step, total, loss, rate, seconds left, evaluation
    error text,                                 -- why it failed, for a person
    model_id bigint unique references model on delete set null,
    created_by text not null default 'system',
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz
);
