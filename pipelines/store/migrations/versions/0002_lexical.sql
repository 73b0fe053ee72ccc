-- Postings for BM25: how often a chunk holds a term, and where. No weight is stored, so none goes
-- stale as documents come and go: idf and the mean length are counted when a question asks.
--
-- Two kinds of marker stand among the terms; no word looks like them:
--   ''     every chunk once: counts the chunks and carries their lengths
--   '@en'  every chunk once, with the language its words were stemmed by ('@' for none)
create table posting (
    chunk_id bigint not null,
    places bigint not null,                     -- a bit for each slice of the chunk that holds the term
    tf smallint not null,                       -- times the chunk holds the term
    length smallint not null,                   -- terms in the chunk, capped at 32767
    term text collate "C" not null,
    primary key (term, chunk_id) include (tf, length, places)
);
create index posting_chunk on posting (chunk_id);
-- One chunk in 64: tells how common a common term is without reading its whole list.
create index posting_sample on posting (term) include (chunk_id, length) where chunk_id % 64 = 0;
-- Searches read the index alone where the visibility map allows it; vacuum keeps that map.
alter table posting set (autovacuum_vacuum_insert_scale_factor = 0.05);

-- A foreign key would check every posting as it is written, a hundred for a chunk. A chunk and
-- its postings are written in one transaction, so only the way out needs guarding.
create function posting_clear() returns trigger language plpgsql as $$
begin
    delete from posting p using gone where p.chunk_id = gone.id;
    return null;
end $$;
create trigger posting_clear after delete on chunk
    referencing old table as gone for each statement execute function posting_clear();

-- What an index's answer threshold was calibrated on, to tell when the corpus has outgrown it.
create table calibration (
    index_id bigint primary key references search_index on delete cascade,
    chunks bigint not null,
    calibrated_at timestamptz not null default now()
);
