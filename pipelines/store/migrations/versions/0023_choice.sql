-- The collections and documents that a conversation's questions are limited to. Null: everything.
-- A document is kept with its collection and source, so that its next version is found again.
alter table conversation add column choice jsonb;
