-- pairs

-- Questions with the passage that answers them, to train and to judge on. The passage is kept as
-- it was; its sum ties it to the chunks that hold the same text now, whichever document version
-- they belong to.
create table pair (
    id bigint generated always as identity primary key,
    question text not null,
    question_sha256 text not null,              -- of the question without case and white space
    passage text not null,
    passage_sha256 text not null,
    origin text not null,                       -- 'corpus', or the name of the imported file
    generator text not null,                    -- 'offline', 'llm:NAME', 'import', 'feedback'
    kind text not null default '',              -- what the question was made from
    document text not null,                     -- title of the document, or the file's name
    section text not null default '',           -- heading path, where there is one
    language text,
    split text not null check (split in ('train', 'heldout')),
    status text not null check (status in ('accepted', 'review', 'rejected')),
    reason text not null default '',            -- why it waits or was rejected, for a person
    base_rank int,                              -- of the passage among those the base model finds
    created_by text not null default 'system',
    created_at timestamptz not null default now(),
    reviewed_by text,
    reviewed_at timestamptz,
    unique (question_sha256, passage_sha256)
);
create index pair_passage on pair (passage_sha256);
create index pair_status on pair (status, split);

-- Passages that a generator is done with: it goes on where it stopped.
create table pair_done (
    generator text not null,
    passage_sha256 text not null,
    primary key (generator, passage_sha256)
);
-- Pairs find their chunks by content.
create index if not exists chunk_sha256 on chunk (sha256);
