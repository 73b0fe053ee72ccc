-- The groups that a sign-in provider named, when the session was opened.
alter table login_session add column groups text[] not null default '{}';

-- Retention looks for conversations that were not used for long.
create index conversation_updated on conversation (updated_at);
