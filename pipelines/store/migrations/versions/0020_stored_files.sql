-- Files that every machine can fetch: of tuned versions, and the inputs of training runs. They are
-- kept where machines share a database and no folder or bucket, so that no disk is the only place.
create table stored_file (
    folder text not null,                       -- the sha256 of a version's manifest, or 'run 7'
    name text not null,                         -- the path inside the folder
    part integer not null,                      -- files are cut into parts of some megabytes
    content bytea not null,
    primary key (folder, name, part)
);
