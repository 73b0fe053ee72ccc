-- What the scheduled backup did last. One row, which every machine of the installation reads.
create table backup_state (
    single boolean primary key default true check (single),
    place_sha256 text not null default '',      -- of the address, which may hold a password
    snapshot text not null default '',          -- the newest one that is complete
    size_bytes bigint not null default 0,
    changes text not null default '',           -- what `backups.changes` said just before it
    taken_at timestamptz,
    current_at timestamptz,                     -- when the newest one was last known to hold everything
    failed_at timestamptz,                      -- null: the last attempt succeeded
    fault text not null default ''
);
insert into backup_state default values;
