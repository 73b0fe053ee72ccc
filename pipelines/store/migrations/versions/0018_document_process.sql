-- Which process indexes a document, by the name of its connections: when the process is gone, the
-- document is queued again.
create table document_process (
    document_id bigint primary key references document on delete cascade,
    process text not null
);
