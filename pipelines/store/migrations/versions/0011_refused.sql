-- Which versions a replica cannot load; `fault` says why, of all of them together.
alter table replica add column refused bigint[] not null default '{}';
