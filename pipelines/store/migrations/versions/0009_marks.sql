-- marks

-- A pair that was made of what somebody asked: the answer, which may be deleted since, and whose
-- question it was, so that nobody teaches more than their share.
alter table pair add column message_id bigint, add column visitor text;
create index pair_message on pair (message_id) where message_id is not null;
create index pair_visitor on pair (visitor) where visitor is not null;

-- Which passages of an answer were the right ones, and which were not, as visitors and admins say.
create table source_mark (
    message_id bigint not null references message (id) on delete cascade,
    chunk_id bigint not null,                   -- as the answer showed it
    who text not null,                          -- the visitor's name in the database, or the admin's
    by_admin boolean not null,
    verdict text not null check (verdict in ('right', 'wrong')),
    created_at timestamptz not null default now(),
    primary key (message_id, chunk_id, who)
);

-- Passages that do not answer a question although they look like it, as a person has decided: what
-- the model is to tell from the right ones.
create table wrong_passage (
    question_sha256 text not null,              -- as in pair
    passage_sha256 text not null,
    question text not null,
    passage text not null,
    document text not null,
    message_id bigint,
    visitor text,
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (question_sha256, passage_sha256)
);
create index wrong_passage_message on wrong_passage (message_id) where message_id is not null;
create index wrong_passage_visitor on wrong_passage (visitor) where visitor is not null;
-- Votes by time: what came in since the last run.
create index feedback_created on feedback (created_at);
