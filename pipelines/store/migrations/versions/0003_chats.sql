-- Conversations of visitors, what was shown, and what they thought of it.

create table conversation (
    id uuid primary key default gen_random_uuid(),
    visitor text not null,                      -- digest of the browser's cookie
    title text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz                      -- set: gone for the visitor, kept a day for undo
);
create index conversation_visitor on conversation (visitor, updated_at desc);

create table message (
    id bigint generated always as identity primary key,
    conversation_id uuid not null references conversation on delete cascade,
    role text not null check (role in ('user', 'assistant')),
    text text not null,
    kind text,                                  -- llm | extracts | not_found | error; null: a question
    epoch bigint,                               -- the handle that answered
    index_id bigint,
    model_name text,
    llm text,
    -- The passages as they were shown: a citation stays readable when its document is gone.
    shown jsonb not null default '[]',
    timings_ms jsonb not null default '{}',
    note text,
    created_at timestamptz not null default now()
);
create index message_conversation on message (conversation_id, id);
create index message_created on message (created_at);

create table feedback (
    message_id bigint not null references message on delete cascade,
    visitor text not null,
    verdict text not null check (verdict in ('like', 'dislike')),
    reason text not null default '',
    created_at timestamptz not null default now(),
    primary key (message_id, visitor)
);
