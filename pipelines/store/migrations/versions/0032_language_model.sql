-- Language models that admins have added. An empty address is OpenAI's. The secret is the key, encrypted.
-- The one that was put first last answers. Without any that was, it is the oldest.
create table language_model (
    id bigint generated always as identity primary key,
    name text not null unique,
    address text not null,
    model text not null,
    secret bytea,
    first_at timestamptz,
    changed_by text not null,
    changed_at timestamptz not null default now()
);
