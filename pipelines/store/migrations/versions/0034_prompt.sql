-- What the language model is told for an answer, where an admin has put something in the place of the
-- default. The name says for which answers.
create table prompt (
    name text primary key,
    template text not null,
    changed_by text not null,
    changed_at timestamptz not null default now()
);
