-- The whole schema, written by `make schema` from the migrations. Read it; do not run it.
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

CREATE FUNCTION public.posting_clear() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    delete from posting p using gone where p.chunk_id = gone.id;
    return null;
end $$;

CREATE TABLE public.active (
    one boolean DEFAULT true NOT NULL,
    index_id bigint NOT NULL,
    previous_id bigint,
    epoch bigint NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT active_one_check CHECK (one)
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.api_key (
    id bigint NOT NULL,
    name text NOT NULL,
    key_sha256 text NOT NULL,
    hint text NOT NULL,
    scopes text[] NOT NULL,
    collections text[],
    per_minute integer NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    used_at timestamp with time zone
);

ALTER TABLE public.api_key ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.app_secret (
    name text NOT NULL,
    value bytea NOT NULL
);

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.backup_state (
    single boolean DEFAULT true NOT NULL,
    place_sha256 text DEFAULT ''::text NOT NULL,
    snapshot text DEFAULT ''::text NOT NULL,
    size_bytes bigint DEFAULT 0 NOT NULL,
    changes text DEFAULT ''::text NOT NULL,
    taken_at timestamp with time zone,
    current_at timestamp with time zone,
    failed_at timestamp with time zone,
    fault text DEFAULT ''::text NOT NULL,
    CONSTRAINT backup_state_single_check CHECK (single)
);

CREATE TABLE public.calibration (
    index_id bigint NOT NULL,
    chunks bigint NOT NULL,
    calibrated_at timestamp with time zone DEFAULT now() NOT NULL,
    handbook boolean
);

CREATE TABLE public.chunk (
    id bigint NOT NULL,
    document_id bigint NOT NULL,
    ordinal integer NOT NULL,
    text text NOT NULL,
    sha256 text NOT NULL,
    page integer,
    heading text,
    char_start integer NOT NULL,
    char_end integer NOT NULL,
    language text,
    places jsonb,
    page_label text
);

ALTER TABLE public.chunk ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chunk_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.conversation (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    visitor text NOT NULL,
    title text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    help boolean DEFAULT false NOT NULL,
    choice jsonb,
    share_token text
);

CREATE TABLE public.document (
    id bigint NOT NULL,
    source text NOT NULL,
    title text NOT NULL,
    sha256 text NOT NULL,
    mime text NOT NULL,
    size_bytes bigint NOT NULL,
    status text NOT NULL,
    reason text,
    warnings jsonb DEFAULT '[]'::jsonb NOT NULL,
    language text,
    pages integer,
    collection text DEFAULT 'default'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    same_as bigint,
    CONSTRAINT document_same_as_check CHECK (((status = 'duplicate'::text) = (same_as IS NOT NULL))),
    CONSTRAINT document_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'indexing'::text, 'indexed'::text, 'duplicate'::text, 'failed'::text])))
);

CREATE TABLE public.document_blob (
    sha256 text NOT NULL,
    content bytea NOT NULL
);

ALTER TABLE ONLY public.document_blob ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE public.document ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.document_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.document_process (
    document_id bigint NOT NULL,
    process text NOT NULL
);

CREATE TABLE public.evaluation (
    id bigint NOT NULL,
    dataset text NOT NULL,
    dataset_sha256 text NOT NULL,
    models text[] NOT NULL,
    verdict text NOT NULL,
    figures jsonb NOT NULL,
    created_by text DEFAULT 'system'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.evaluation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.evaluation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.evaluation_question (
    evaluation_id bigint NOT NULL,
    ordinal integer NOT NULL,
    question text NOT NULL,
    leans_on_context boolean NOT NULL,
    relevant text[] NOT NULL,
    results jsonb NOT NULL
);

CREATE TABLE public.feedback (
    message_id bigint NOT NULL,
    visitor text NOT NULL,
    verdict text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT feedback_verdict_check CHECK ((verdict = ANY (ARRAY['like'::text, 'dislike'::text])))
);

CREATE TABLE public.improve_schedule (
    only_row boolean DEFAULT true NOT NULL,
    every text NOT NULL,
    votes integer DEFAULT 0 NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT improve_schedule_every_check CHECK ((every = ANY (ARRAY['off'::text, 'weekly'::text, 'votes'::text]))),
    CONSTRAINT improve_schedule_only_row_check CHECK (only_row)
);

CREATE TABLE public.improvement (
    id bigint NOT NULL,
    who text NOT NULL,
    before text NOT NULL,
    pairs jsonb,
    run_id bigint,
    version text,
    evaluation_id bigint,
    outcome text,
    sentence text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT improvement_outcome_check CHECK ((outcome = ANY (ARRAY['promoted'::text, 'kept'::text, 'nothing'::text, 'failed'::text, 'stopped'::text])))
);

ALTER TABLE public.improvement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.improvement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.job_freeze (
    job_id bigint NOT NULL,
    document_ids bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.job_progress (
    job_id bigint NOT NULL,
    task text NOT NULL,
    stage text DEFAULT ''::text NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    total bigint,
    rate real,
    eta_s real,
    result jsonb,
    fault text,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    item text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.language_model (
    id bigint NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    model text NOT NULL,
    secret bytea,
    first_at timestamp with time zone,
    changed_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.language_model ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.language_model_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.login_link (
    token_sha256 text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.login_session (
    token_sha256 text NOT NULL,
    who text NOT NULL,
    via text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL
);

CREATE TABLE public.message (
    id bigint NOT NULL,
    conversation_id uuid NOT NULL,
    role text NOT NULL,
    text text NOT NULL,
    kind text,
    epoch bigint,
    index_id bigint,
    model_name text,
    llm text,
    shown jsonb DEFAULT '[]'::jsonb NOT NULL,
    timings_ms jsonb DEFAULT '{}'::jsonb NOT NULL,
    note text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    remarks jsonb DEFAULT '{}'::jsonb NOT NULL,
    aside_at timestamp with time zone,
    CONSTRAINT message_role_check CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text])))
);

ALTER TABLE public.message ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.model (
    id bigint NOT NULL,
    name text NOT NULL,
    base text NOT NULL,
    kind text NOT NULL,
    dimension integer NOT NULL,
    prompts jsonb DEFAULT '{}'::jsonb NOT NULL,
    artefact text,
    manifest_sha256 text,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    metrics jsonb DEFAULT '{}'::jsonb NOT NULL,
    parent_id bigint,
    created_by text DEFAULT 'system'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.model ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.model_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pair (
    id bigint NOT NULL,
    question text NOT NULL,
    question_sha256 text NOT NULL,
    passage text NOT NULL,
    passage_sha256 text NOT NULL,
    origin text NOT NULL,
    generator text NOT NULL,
    kind text DEFAULT ''::text NOT NULL,
    document text NOT NULL,
    section text DEFAULT ''::text NOT NULL,
    language text,
    split text NOT NULL,
    status text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    base_rank integer,
    created_by text DEFAULT 'system'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    reviewed_by text,
    reviewed_at timestamp with time zone,
    message_id bigint,
    visitor text,
    CONSTRAINT pair_split_check CHECK ((split = ANY (ARRAY['train'::text, 'heldout'::text]))),
    CONSTRAINT pair_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'review'::text, 'rejected'::text])))
);

CREATE TABLE public.pair_done (
    generator text NOT NULL,
    passage_sha256 text NOT NULL
);

CREATE TABLE public.pair_file (
    id bigint NOT NULL,
    name text NOT NULL,
    content text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.pair_file ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pair_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.pair ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pair_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.posting (
    chunk_id bigint NOT NULL,
    places bigint NOT NULL,
    tf smallint NOT NULL,
    length smallint NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_insert_scale_factor='0.05');

CREATE TABLE public.prompt (
    name text NOT NULL,
    template text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.question_week (
    week date NOT NULL,
    questions integer NOT NULL,
    not_found integer NOT NULL,
    liked integer NOT NULL,
    disliked integer NOT NULL,
    agreed real,
    distance real,
    expected real,
    measured_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.recognised_page (
    sha256 text NOT NULL,
    place text NOT NULL,
    engine text NOT NULL,
    content text NOT NULL,
    sure integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.replica (
    id text NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    epoch bigint,
    prepared bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    oldest_epoch bigint,
    fault text,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    refused bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    address text
);

CREATE TABLE public.search_index (
    id bigint NOT NULL,
    model_id bigint NOT NULL,
    rule_id integer NOT NULL,
    lexical_weight real NOT NULL,
    answer_threshold real,
    vectors_of bigint,
    status text NOT NULL,
    reason text,
    wanted boolean DEFAULT false NOT NULL,
    shadow_share real DEFAULT 0 NOT NULL,
    proof jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ready_at timestamp with time zone,
    served_until timestamp with time zone,
    coded boolean DEFAULT false NOT NULL,
    CONSTRAINT search_index_shadow_share_check CHECK (((shadow_share >= (0)::double precision) AND (shadow_share <= (1)::double precision))),
    CONSTRAINT search_index_status_check CHECK ((status = ANY (ARRAY['building'::text, 'ready'::text, 'retired'::text, 'failed'::text])))
);

ALTER TABLE public.search_index ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.search_index_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.shadow_result (
    id bigint NOT NULL,
    index_id bigint NOT NULL,
    epoch bigint NOT NULL,
    message_id bigint,
    shown bigint[] NOT NULL,
    candidate bigint[] NOT NULL,
    overlap real NOT NULL,
    took_ms real NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    fault text
);

ALTER TABLE public.shadow_result ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.shadow_result_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.source (
    id bigint NOT NULL,
    address text NOT NULL,
    collection text NOT NULL,
    deletes boolean DEFAULT false NOT NULL,
    every_minutes integer DEFAULT 0 NOT NULL,
    secret bytea,
    mark text DEFAULT ''::text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.source_entry (
    source_id bigint NOT NULL,
    key text NOT NULL,
    document_source text NOT NULL,
    size_bytes bigint,
    stamp text NOT NULL,
    sha256 text NOT NULL,
    failure text,
    links text[] DEFAULT '{}'::text[] NOT NULL,
    run_id bigint NOT NULL
);

ALTER TABLE public.source ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.source_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.source_mark (
    message_id bigint NOT NULL,
    chunk_id bigint NOT NULL,
    who text NOT NULL,
    by_admin boolean NOT NULL,
    verdict text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT source_mark_verdict_check CHECK ((verdict = ANY (ARRAY['right'::text, 'wrong'::text])))
);

CREATE TABLE public.source_run (
    id bigint NOT NULL,
    source_id bigint NOT NULL,
    who text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    sentence text DEFAULT ''::text NOT NULL,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    waiting text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT source_run_outcome_check CHECK ((outcome = ANY (ARRAY['done'::text, 'waiting'::text, 'failed'::text, 'stopped'::text])))
);

ALTER TABLE public.source_run ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.source_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.stored_file (
    folder text NOT NULL,
    name text NOT NULL,
    part integer NOT NULL,
    content bytea NOT NULL
);

CREATE TABLE public.text_window (
    id bigint NOT NULL,
    chunk_id bigint NOT NULL,
    rule_id integer NOT NULL,
    char_start integer NOT NULL,
    char_end integer NOT NULL,
    sha256 text NOT NULL
);

ALTER TABLE public.text_window ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.text_window_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.training_run (
    id bigint NOT NULL,
    name text NOT NULL,
    settings jsonb NOT NULL,
    status text DEFAULT 'new'::text NOT NULL,
    progress jsonb DEFAULT '{}'::jsonb NOT NULL,
    error text,
    model_id bigint,
    created_by text DEFAULT 'system'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT training_run_status_check CHECK ((status = ANY (ARRAY['new'::text, 'running'::text, 'done'::text, 'failed'::text, 'interrupted'::text])))
);

ALTER TABLE public.training_run ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.training_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.training_speed (
    base text NOT NULL,
    machine text NOT NULL,
    speed jsonb NOT NULL,
    measured_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.usage_count (
    key text NOT NULL,
    slot timestamp with time zone NOT NULL,
    used bigint NOT NULL
);

CREATE TABLE public.window_rule (
    id integer NOT NULL,
    size_tokens integer NOT NULL,
    stride_tokens integer NOT NULL,
    tokenizer text NOT NULL
);

ALTER TABLE public.window_rule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.window_rule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.wrong_passage (
    question_sha256 text NOT NULL,
    passage_sha256 text NOT NULL,
    question text NOT NULL,
    passage text NOT NULL,
    document text NOT NULL,
    message_id bigint,
    visitor text,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    id bigint DEFAULT nextval('public.pair_id_seq'::regclass) NOT NULL,
    status text DEFAULT 'accepted'::text NOT NULL,
    reviewed_by text,
    reviewed_at timestamp with time zone,
    CONSTRAINT wrong_passage_status_check CHECK ((status = ANY (ARRAY['accepted'::text, 'review'::text, 'rejected'::text])))
);

ALTER TABLE ONLY public.active
    ADD CONSTRAINT active_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_key_sha256_key UNIQUE (key_sha256);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.app_secret
    ADD CONSTRAINT app_secret_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.backup_state
    ADD CONSTRAINT backup_state_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.calibration
    ADD CONSTRAINT calibration_pkey PRIMARY KEY (index_id);

ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT chunk_document_id_ordinal_key UNIQUE (document_id, ordinal);

ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.conversation
    ADD CONSTRAINT conversation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.conversation
    ADD CONSTRAINT conversation_share_token_key UNIQUE (share_token);

ALTER TABLE ONLY public.document_blob
    ADD CONSTRAINT document_blob_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.document_process
    ADD CONSTRAINT document_process_pkey PRIMARY KEY (document_id);

ALTER TABLE ONLY public.evaluation
    ADD CONSTRAINT evaluation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.evaluation_question
    ADD CONSTRAINT evaluation_question_pkey PRIMARY KEY (evaluation_id, ordinal);

ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT feedback_pkey PRIMARY KEY (message_id, visitor);

ALTER TABLE ONLY public.improve_schedule
    ADD CONSTRAINT improve_schedule_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.improvement
    ADD CONSTRAINT improvement_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.job_progress
    ADD CONSTRAINT job_progress_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY public.language_model
    ADD CONSTRAINT language_model_name_key UNIQUE (name);

ALTER TABLE ONLY public.language_model
    ADD CONSTRAINT language_model_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.login_link
    ADD CONSTRAINT login_link_pkey PRIMARY KEY (token_sha256);

ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT login_session_pkey PRIMARY KEY (token_sha256);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.model
    ADD CONSTRAINT model_name_key UNIQUE (name);

ALTER TABLE ONLY public.model
    ADD CONSTRAINT model_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pair_done
    ADD CONSTRAINT pair_done_pkey PRIMARY KEY (generator, passage_sha256);

ALTER TABLE ONLY public.pair_file
    ADD CONSTRAINT pair_file_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pair
    ADD CONSTRAINT pair_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pair
    ADD CONSTRAINT pair_question_sha256_passage_sha256_key UNIQUE (question_sha256, passage_sha256);

ALTER TABLE ONLY public.posting
    ADD CONSTRAINT posting_pkey PRIMARY KEY (term, chunk_id) INCLUDE (tf, length, places);

ALTER TABLE ONLY public.prompt
    ADD CONSTRAINT prompt_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.question_week
    ADD CONSTRAINT question_week_pkey PRIMARY KEY (week);

ALTER TABLE ONLY public.recognised_page
    ADD CONSTRAINT recognised_page_pkey PRIMARY KEY (sha256, place, engine);

ALTER TABLE ONLY public.replica
    ADD CONSTRAINT replica_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.search_index
    ADD CONSTRAINT search_index_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.shadow_result
    ADD CONSTRAINT shadow_result_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.source
    ADD CONSTRAINT source_collection_address_key UNIQUE (collection, address);

ALTER TABLE ONLY public.source_entry
    ADD CONSTRAINT source_entry_pkey PRIMARY KEY (source_id, key);

ALTER TABLE ONLY public.source_mark
    ADD CONSTRAINT source_mark_pkey PRIMARY KEY (message_id, chunk_id, who);

ALTER TABLE ONLY public.source
    ADD CONSTRAINT source_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.source_run
    ADD CONSTRAINT source_run_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.stored_file
    ADD CONSTRAINT stored_file_pkey PRIMARY KEY (folder, name, part);

ALTER TABLE ONLY public.text_window
    ADD CONSTRAINT text_window_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.training_run
    ADD CONSTRAINT training_run_model_id_key UNIQUE (model_id);

ALTER TABLE ONLY public.training_run
    ADD CONSTRAINT training_run_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.training_speed
    ADD CONSTRAINT training_speed_pkey PRIMARY KEY (base, machine);

ALTER TABLE ONLY public.usage_count
    ADD CONSTRAINT usage_count_pkey PRIMARY KEY (key, slot);

ALTER TABLE ONLY public.window_rule
    ADD CONSTRAINT window_rule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.window_rule
    ADD CONSTRAINT window_rule_size_tokens_stride_tokens_tokenizer_key UNIQUE (size_tokens, stride_tokens, tokenizer);

ALTER TABLE ONLY public.wrong_passage
    ADD CONSTRAINT wrong_passage_id_key UNIQUE (id);

ALTER TABLE ONLY public.wrong_passage
    ADD CONSTRAINT wrong_passage_pkey PRIMARY KEY (question_sha256, passage_sha256);

CREATE INDEX chunk_sha256 ON public.chunk USING btree (sha256);

CREATE INDEX conversation_updated ON public.conversation USING btree (updated_at);

CREATE INDEX conversation_visitor ON public.conversation USING btree (visitor, updated_at DESC);

CREATE UNIQUE INDEX document_live ON public.document USING btree (collection, source) WHERE (status = ANY (ARRAY['indexed'::text, 'duplicate'::text]));

CREATE INDEX document_private ON public.document USING btree (created_at) WHERE starts_with(collection, 'visitor:'::text);

CREATE INDEX document_same_as ON public.document USING btree (same_as) WHERE (same_as IS NOT NULL);

CREATE INDEX document_sha256 ON public.document USING btree (sha256);

CREATE INDEX evaluation_models ON public.evaluation USING gin (models);

CREATE INDEX feedback_created ON public.feedback USING btree (created_at);

CREATE UNIQUE INDEX improvement_unfinished ON public.improvement USING btree ((true)) WHERE (ended_at IS NULL);

CREATE INDEX job_freeze_job_id ON public.job_freeze USING btree (job_id);

CREATE INDEX login_session_expires ON public.login_session USING btree (expires_at);

CREATE INDEX message_conversation ON public.message USING btree (conversation_id, id);

CREATE INDEX message_created ON public.message USING btree (created_at);

CREATE INDEX pair_message ON public.pair USING btree (message_id) WHERE (message_id IS NOT NULL);

CREATE INDEX pair_passage ON public.pair USING btree (passage_sha256);

CREATE INDEX pair_status ON public.pair USING btree (status, split);

CREATE INDEX pair_visitor ON public.pair USING btree (visitor) WHERE (visitor IS NOT NULL);

CREATE INDEX posting_chunk ON public.posting USING btree (chunk_id);

CREATE INDEX posting_sample ON public.posting USING btree (term) INCLUDE (chunk_id, length) WHERE ((chunk_id % (64)::bigint) = 0);

CREATE INDEX shadow_result_index ON public.shadow_result USING btree (index_id, id);

CREATE INDEX shadow_result_message ON public.shadow_result USING btree (message_id);

CREATE INDEX source_entry_document ON public.source_entry USING btree (document_source);

CREATE INDEX source_run_source ON public.source_run USING btree (source_id, id);

CREATE UNIQUE INDEX source_run_unfinished ON public.source_run USING btree (source_id) WHERE (ended_at IS NULL);

CREATE INDEX text_window_chunk ON public.text_window USING btree (chunk_id);

CREATE INDEX text_window_rule ON public.text_window USING btree (rule_id);

CREATE INDEX usage_count_slot ON public.usage_count USING btree (slot);

CREATE INDEX wrong_passage_message ON public.wrong_passage USING btree (message_id) WHERE (message_id IS NOT NULL);

CREATE INDEX wrong_passage_visitor ON public.wrong_passage USING btree (visitor) WHERE (visitor IS NOT NULL);

CREATE TRIGGER posting_clear AFTER DELETE ON public.chunk REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.posting_clear();

ALTER TABLE ONLY public.active
    ADD CONSTRAINT active_index_id_fkey FOREIGN KEY (index_id) REFERENCES public.search_index(id);

ALTER TABLE ONLY public.active
    ADD CONSTRAINT active_previous_id_fkey FOREIGN KEY (previous_id) REFERENCES public.search_index(id);

ALTER TABLE ONLY public.calibration
    ADD CONSTRAINT calibration_index_id_fkey FOREIGN KEY (index_id) REFERENCES public.search_index(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT chunk_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.document_process
    ADD CONSTRAINT document_process_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.document(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_same_as_fkey FOREIGN KEY (same_as) REFERENCES public.document(id);

ALTER TABLE ONLY public.evaluation_question
    ADD CONSTRAINT evaluation_question_evaluation_id_fkey FOREIGN KEY (evaluation_id) REFERENCES public.evaluation(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT feedback_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.message(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.improvement
    ADD CONSTRAINT improvement_evaluation_id_fkey FOREIGN KEY (evaluation_id) REFERENCES public.evaluation(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.improvement
    ADD CONSTRAINT improvement_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.training_run(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.job_freeze
    ADD CONSTRAINT job_freeze_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.job_progress(job_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversation(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.model
    ADD CONSTRAINT model_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.model(id);

ALTER TABLE ONLY public.search_index
    ADD CONSTRAINT search_index_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.model(id);

ALTER TABLE ONLY public.search_index
    ADD CONSTRAINT search_index_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES public.window_rule(id);

ALTER TABLE ONLY public.search_index
    ADD CONSTRAINT search_index_vectors_of_fkey FOREIGN KEY (vectors_of) REFERENCES public.search_index(id);

ALTER TABLE ONLY public.shadow_result
    ADD CONSTRAINT shadow_result_index_id_fkey FOREIGN KEY (index_id) REFERENCES public.search_index(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.source_entry
    ADD CONSTRAINT source_entry_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.source(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.source_mark
    ADD CONSTRAINT source_mark_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.message(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.source_run
    ADD CONSTRAINT source_run_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.source(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.text_window
    ADD CONSTRAINT text_window_chunk_id_fkey FOREIGN KEY (chunk_id) REFERENCES public.chunk(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.text_window
    ADD CONSTRAINT text_window_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES public.window_rule(id);

ALTER TABLE ONLY public.training_run
    ADD CONSTRAINT training_run_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.model(id) ON DELETE SET NULL;
