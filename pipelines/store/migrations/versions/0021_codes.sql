-- Codes of windows' tokens beside their vectors, for late interaction. Indexes that are there have
-- none and serve as before. An index is made with codes for all its windows, or without any.
alter table search_index add coded boolean not null default false;

do $$
declare emb regclass;
begin
    for emb in
        select to_regclass('emb_' || id) from search_index where to_regclass('emb_' || id) is not null
        order by id
    loop
        execute format('alter table %s add codes bytea', emb);
        execute format('alter table %s alter column codes set storage external', emb);
    end loop;
end $$;
