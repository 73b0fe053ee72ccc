-- Documents, chunks, windows, models, indexes, the active pointer, replicas, audit.

create extension if not exists vector;

-- The bytes as they came in, shared by every machine: re-ingest and download need them.
create table document_blob (
    sha256 text primary key,
    content bytea not null
);
alter table document_blob alter column content set storage external;  -- mostly compressed already

create table document (
    id bigint generated always as identity primary key,
    source text not null,                       -- path or upload name; with the collection, the identity
    title text not null,
    sha256 text not null,
    mime text not null,
    size_bytes bigint not null,
    status text not null check (status in ('queued', 'indexing', 'indexed', 'failed')),
    reason text,                                -- why it failed, for a person
    warnings jsonb not null default '[]',       -- e.g. characters cleaned, language not read well
    language text,                              -- ISO 639-1 of most of the text
    pages int,
    collection text not null default 'default',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
-- A failed new version stands beside the indexed old one, which keeps serving.
create unique index document_live on document (collection, source) where status = 'indexed';
create index document_sha256 on document (sha256);

-- What is read and cited.
create table chunk (
    id bigint generated always as identity primary key,
    document_id bigint not null references document on delete cascade,
    ordinal int not null,                       -- 0-based place in the document
    text text not null,
    sha256 text not null,
    page int,                                   -- 1-based page of its middle; null: no pages
    heading text,                               -- path of headings above it, ' > ' between
    char_start int not null,                    -- span in the document's converted text
    char_end int not null,
    language text,
    unique (document_id, ordinal)
);

-- How windows are cut. One row per size, stride and tokenizer; shared by indexes.
create table window_rule (
    id int generated always as identity primary key,
    size_tokens int not null,
    stride_tokens int not null,
    tokenizer text not null,                    -- fingerprint of the tokenizer that counts
    unique (size_tokens, stride_tokens, tokenizer)
);

-- What is embedded: a span of one chunk.
create table text_window (
    id bigint generated always as identity primary key,
    chunk_id bigint not null references chunk on delete cascade,
    rule_id int not null references window_rule,
    char_start int not null,                    -- span in the chunk's text
    char_end int not null,
    sha256 text not null                        -- of the window's text
);
create index text_window_chunk on text_window (chunk_id);
create index text_window_rule on text_window (rule_id);

-- Weights, immutable.
create table model (
    id bigint generated always as identity primary key,
    name text not null unique,                  -- 'base', 'v1', 'v2', ...
    base text not null,                         -- what it was made from, as the setting says it
    kind text not null,                         -- base | full | lora | query | adapter | openai
    dimension int not null,
    prompts jsonb not null default '{}',
    artefact text,                              -- where its files are; null: nothing to fetch (openai)
    manifest_sha256 text,
    settings jsonb not null default '{}',
    metrics jsonb not null default '{}',
    parent_id bigint references model,
    created_by text not null default 'system',
    created_at timestamptz not null default now()
);

-- One model's vectors of all live windows of a rule, in table emb_<id>, with what belongs to them.
create table search_index (
    id bigint generated always as identity primary key,
    model_id bigint not null references model,
    rule_id int not null references window_rule,
    lexical_weight real not null,               -- share of BM25 in the fused score, 0..1
    answer_threshold real,                      -- below it: not in the documents; null: not calibrated yet
    -- A version that only changes how questions are embedded uses another index's vectors.
    vectors_of bigint references search_index,
    status text not null check (status in ('building', 'ready', 'retired', 'failed')),
    reason text,
    wanted boolean not null default false,      -- a candidate: replicas hold it loaded
    shadow_share real not null default 0 check (shadow_share between 0 and 1),
    proof jsonb,                                -- what was checked last before it may serve
    created_at timestamptz not null default now(),
    ready_at timestamptz,
    served_until timestamptz                    -- when it last stopped being active or previous
);

-- The one row that names the serving index.
create table active (
    one boolean primary key default true check (one),
    index_id bigint not null references search_index,
    previous_id bigint references search_index,
    epoch bigint not null,
    changed_at timestamptz not null default now()
);

create table replica (
    id text primary key,
    kind text not null,                         -- web | worker
    host text not null,
    pid int not null,
    epoch bigint,                               -- epoch it serves
    prepared bigint[] not null default '{}',    -- index ids it has loaded and probed
    oldest_epoch bigint,                        -- of the questions under way
    fault text,                                 -- why it could not load a version it should
    seen_at timestamptz not null default now()
);

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    who text not null,
    action text not null,
    detail jsonb not null default '{}'
);
