-- Set: a later turn has taken the place of this one, because its question was changed or asked again.
alter table message add column aside_at timestamptz;
