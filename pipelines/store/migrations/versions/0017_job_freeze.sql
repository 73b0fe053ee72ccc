-- A worker stood still and was killed while it had this job: what of the job was under way.
create table job_freeze (
    job_id bigint not null references job_progress on delete cascade,
    document_ids bigint[] not null default '{}',
    at timestamptz not null default now()
);
create index job_freeze_job_id on job_freeze (job_id);
