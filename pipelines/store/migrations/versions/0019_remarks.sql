-- What an answer says besides its text: the question as searched, questions to ask next, and
-- sentences that no passage supports.
alter table message add column remarks jsonb not null default '{}';
