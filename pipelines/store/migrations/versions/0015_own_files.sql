-- Whether a threshold was made from the handbook alone; null: not known, so it is made again.
alter table calibration add column handbook boolean;
-- Conversations about Attune itself, which search the handbook alone.
alter table conversation add column help boolean not null default false;
-- Files of visitors' own: few, and asked for by their age and their size.
create index document_private on document (created_at) where starts_with(collection, 'visitor:');
