-- A chunk may hold the short end of one page or section and the beginning of the next.

alter table chunk add column places jsonb;      -- [[character, page, heading], ...] where there are several
