-- A file with the content of another one of its collection keeps its row and shares the passages.
alter table document
    add column same_as bigint references document (id),  -- the indexed one, which has the passages
    drop constraint document_status_check,
    add constraint document_status_check
        check (status in ('queued', 'indexing', 'indexed', 'duplicate', 'failed')),
    add constraint document_same_as_check check ((status = 'duplicate') = (same_as is not null));
create index document_same_as on document (same_as) where same_as is not null;

-- One row of a source stands for it: indexed, or a copy of what is.
drop index document_live;
create unique index document_live on document (collection, source)
    where status in ('indexed', 'duplicate');

-- What a job is at, for people: the name of a file.
alter table job_progress add column item text not null default '';
