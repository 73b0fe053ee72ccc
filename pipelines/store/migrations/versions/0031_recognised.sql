-- What OCR has read of files that are not wholly read yet, so that the next attempt goes on there.
-- A page is known by its file, its place in it, and the engine with its version and languages.
create table recognised_page (
    sha256 text not null,
    place text not null,
    engine text not null,
    content text not null,
    sure integer not null,
    created_at timestamptz not null default now(),
    primary key (sha256, place, engine)
);
