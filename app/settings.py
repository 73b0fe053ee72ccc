"""
The settings, and the only code that reads the environment. Code below `app` receives plain values.

The fields' descriptions are the README's table (`app.settings_table`). `tests/unit/test_docs.py`
compares the two.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.errors import InputError


def default_home() -> Path:
    """
    The data folder if none is set.

    Under root the embedded database runs as a separate user, which must be able to enter every
    parent folder. A home directory must not be opened for that.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/attune")
    return user_data_path("attune")


class Settings(BaseSettings):
    """Everything that can be set by environment variable."""

    model_config = SettingsConfigDict(env_prefix="ATTUNE_", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=default_home,
        description="Data folder: embedded database, model files, caches.",
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("DATABASE_URL", "ATTUNE_DATABASE_URL"),
        description="Address of a PostgreSQL 15+ with pgvector 0.8+. Empty: an embedded server.",
    )
    direct_database_url: SecretStr = Field(
        SecretStr(""),
        description="Address of the same database without the connection pooler, if `DATABASE_URL` goes through one in transaction mode.",
    )
    read_database_url: SecretStr = Field(
        SecretStr(""),
        description="Address of a streaming standby of that database, which searches then read. Where it does not show what a question needs, the database itself is searched.",
    )
    read_lag_s: float = Field(
        10,
        ge=5,
        description="A standby that is further behind than that is not read, in seconds.",
    )
    url: str = Field(
        "",
        description="Address of another Attune that `attune ask`, `ingest` and `documents` work on, by its API. Empty: this machine.",
    )
    key: SecretStr = Field(
        SecretStr(""), description="Key for it, from the Keys tab of its admin pages."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(7860, ge=0, le=65535, description="Port of the web server. 0: any free port.")
    base_model: str = Field(
        "all-MiniLM-L6-v2",
        description="Embedder to start from: the bundled model, a folder, a Hugging Face id, or openai:NAME.",
    )
    window_tokens: int = Field(
        128, ge=16, le=2048, description="Tokens in a window, the piece of text that is embedded."
    )
    window_stride: int = Field(
        96, ge=8, le=2048, description="Tokens between the starts of two windows."
    )
    chunk_chars: int = Field(
        1600, ge=200, le=20000, description="Longest passage that is cited, in characters."
    )
    top_k: int = Field(6, ge=1, le=50, description="Passages given to an answer.")
    lexical_weight: float = Field(
        0.65,
        ge=0,
        le=1,
        description="Share of the words in the search score. Tuned versions bring their own.",
    )
    late_interaction: Literal["auto", "off"] = Field(
        "auto",
        description="Compare the best passages with a question word by word: `auto` or `off`. New versions then keep codes of every token beside their vectors, 12 KB of disk for each window of 128 tokens with the bundled model. With `off`, codes that are there stay and are not used.",
    )
    artefacts: str = Field(
        "",
        description="Where machines share versions: a folder, s3://... or hf://... Empty: the data folder.",
    )
    database_model_mb: int = Field(
        2000,
        ge=0,
        description="Largest version whose files are kept in the database of `DATABASE_URL` where `ATTUNE_ARTEFACTS` is empty, in MB. A larger one is not promoted.",
    )
    backup: str = Field(
        "",
        description="Where the server or a worker backs up database and versions by itself, and what it restores into an empty installation at its start: a folder, s3://... or hf://... Empty: nowhere.",
    )
    backup_every: str = Field(
        "1h",
        pattern=r"^[1-9]\d*[smhd]$",
        description="Time between two such backups, e.g. `30m`, `6h`, `1d`. Where nothing has changed there is none.",
    )
    backup_keep: int = Field(
        7,
        ge=1,
        description="Such backups that remain. Of each of as many days before, the last one remains as well.",
    )
    backup_at_stop_s: float = Field(
        9,
        ge=0,
        description="Longest time from the signal to stop until the server or worker has ended, with a last backup if something has changed, in seconds. Raise it where the container gets more time. 0: no backup at a stop.",
    )
    backup_key: SecretStr = Field(
        SecretStr(""),
        description="Passphrase that backups are encrypted with. Empty: they are not encrypted.",
    )
    threads: int | None = Field(
        None, ge=1, description="CPU threads for embedding. Empty: all cores."
    )
    worker_threads: int | None = Field(
        None, ge=1, description="CPU threads of a worker's jobs. Empty: half of the cores."
    )
    device: str | None = Field(None, description="Torch device. Empty: the fastest available.")
    llm: str = Field(
        "",
        description="Name of the language model. Empty with a key set: gpt-4o-mini. Without these three, admins add language models on their pages or with `attune llm set`.",
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "ATTUNE_OPENAI_API_KEY"),
        description="Key for the language model and for OpenAI embeddings.",
    )
    openai_base_url: str = Field(
        "",
        validation_alias=AliasChoices("OPENAI_BASE_URL", "ATTUNE_OPENAI_BASE_URL"),
        description="Address of any OpenAI-compatible endpoint.",
    )
    llm_timeout_s: float = Field(
        60, gt=0, description="Longest wait for the language model, in seconds."
    )
    llm_usage: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Ask the language model's endpoint how many tokens an answer took, for `/metrics`: `on`, `off`, or `auto`, which asks OpenAI only.",
    )
    deeper_steps: int = Field(
        8,
        ge=2,
        le=50,
        description="Calls of the language model for a question that one search cannot answer. Reading a long document takes a call for each part as well.",
    )
    deeper_chars: int = Field(
        40_000,
        ge=2000,
        description="Characters of documents that the language model reads at once for such a question. A longer document is read in parts. Lower it if the model's context is smaller than 16,000 tokens.",
    )
    deeper_s: float = Field(
        300,
        gt=0,
        description="Time after which no further step of such a question begins, in seconds.",
    )
    max_upload_mb: int = Field(100, ge=1, description="Largest file that can be added, in MB.")
    chat_upload: Literal["admins", "signed-in", "everyone"] = Field(
        "admins",
        description="Who may add documents in the chat: `admins`, `signed-in` or `everyone`. Files of admins are for all. Files of anybody else are only for that person.",
    )
    originals: Literal["readers", "admins"] = Field(
        "readers",
        description="Who may save the original file of a document that an answer cites: `readers` (all who may read it) or `admins`. Everybody may save their own files.",
    )
    visitor_files: int = Field(
        20, ge=1, description="Files that a person who is not an admin may have."
    )
    visitor_mb: int = Field(50, ge=1, description="Total size of these files, in MB.")
    visitors_mb: int = Field(
        2000, ge=1, description="Total size of the files of all people who are not admins, in MB."
    )
    visitor_days: float = Field(
        30, ge=0, description="Days until such a file is deleted. 0: never."
    )
    parse_memory_mb: int = Field(
        1500, ge=256, description="Memory limit of the process that reads a file, in MB."
    )
    parse_cpu_s: int = Field(300, ge=5, description="CPU time limit of that process, in seconds.")
    retention_days: float = Field(
        7, ge=0, description="Days to keep the vectors of a version that is no longer used."
    )
    conversation_days: float = Field(
        0,
        ge=0,
        description="Days without use until a conversation is erased, with its answers and votes. 0: never.",
    )
    source_key: SecretStr = Field(
        SecretStr(""),
        description="Passphrase that passwords of sources and keys of language models are encrypted with in the database. Empty: a random one in the data folder, which no other machine has.",
    )
    source_folders: str = Field(
        "",
        description="Folders of the server that admins may follow from the admin pages, with all in them, separated by commas. Empty: none. `attune sync` follows any folder.",
    )
    source_networks: str = Field(
        "",
        description="Networks that are not public and that sources may be read from, and language models of the admin pages called in, separated by commas, e.g. `10.0.0.0/8`. Empty: public addresses only, and for language models this machine.",
    )
    source_pages: int = Field(
        1000, ge=1, description="Pages of a website that one reading of it fetches."
    )
    source_mb: int = Field(
        1000, ge=1, description="Total size of what one reading of a source fetches, in MB."
    )
    source_minutes: float = Field(
        60, gt=0, description="Minutes that one reading of a website may take."
    )
    source_depth: int = Field(
        10, ge=0, description="Links to follow from the address of a website, one after the other."
    )
    source_delay_s: float = Field(
        0.5,
        ge=0,
        description="Seconds between two requests to a website. Its robots.txt may ask for more.",
    )
    admin_password: SecretStr = Field(
        SecretStr(""),
        description="Password of the admin pages. Empty: a one-time link, which works on this machine only, is printed at start.",
    )
    chat_password: SecretStr = Field(
        SecretStr(""), description="Password of the chat. Empty: the chat is public."
    )
    chat_sign_in: bool = Field(
        False, description="People must sign in with an account before they ask."
    )
    admins: str = Field(
        "",
        description="Accounts of admins, separated by commas. Each is a name, or `sub:ID` with the account's id.",
    )
    admin_groups: str = Field(
        "",
        description="Groups of the sign-in provider whose members are admins, separated by commas.",
    )
    editor_groups: str = Field(
        "",
        description="Groups whose members may add documents for all, and delete them, in the chat.",
    )
    chat_groups: str = Field(
        "",
        description="Groups whose members may ask, if `ATTUNE_CHAT_SIGN_IN` is set. Empty: every account.",
    )
    readers: str = Field(
        "",
        description="Collections that are not open to everyone: `hr=admins; board=ada,bob; lab=group:research; internal=signed-in`.",
    )
    questions_per_minute: int = Field(
        30, ge=0, description="Questions that a visitor may ask in a minute. 0: no limit."
    )
    questions_per_day: int = Field(
        0, ge=0, description="Questions that a visitor may ask in a day. 0: no limit."
    )
    questions_at_once: int = Field(
        64, ge=1, description="Questions that a server answers at the same time."
    )
    llm_calls_per_day: int = Field(
        0,
        ge=0,
        description="Answers in a day that may use the language model, over all visitors. Each further call for a question that one search cannot answer counts as well. Later answers are extracts. 0: no limit.",
    )
    session_hours: float = Field(12, gt=0, description="Hours until people sign in again.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks of proxies whose X-Forwarded-For is trusted, separated by commas.",
    )
    proxies: int | None = Field(
        None,
        ge=0,
        le=20,
        description="Number of proxies that every request passes through, whatever their addresses. Empty: 1 on a Space, otherwise only the trusted ones count.",
    )
    allowed_hosts: str = Field(
        "",
        description="Host names that the server answers, separated by commas, e.g. `docs.example.org`, `*.example.org`. Empty: this machine's own names while it listens on 127.0.0.1, otherwise any.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token for `/metrics`. Empty: public where the chat is public, otherwise for admins.",
    )
    system: str = Field(
        "", validation_alias="SYSTEM", description="Set by Hugging Face Spaces, to `spaces`."
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+)?/?$",
        description="Address under which browsers reach Attune, e.g. `https://docs.example.org`. Sign-in with accounts needs it, except on a Space.",
    )
    oauth_client_id: str = Field(
        "",
        validation_alias=AliasChoices("OAUTH_CLIENT_ID", "ATTUNE_OAUTH_CLIENT_ID"),
        description="Client id at the sign-in provider. A Space sets it, and the three below.",
    )
    oauth_client_secret: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("OAUTH_CLIENT_SECRET", "ATTUNE_OAUTH_CLIENT_SECRET"),
        description="Client secret there. Empty: a public client.",
    )
    openid_provider_url: str = Field(
        "https://huggingface.co",
        validation_alias=AliasChoices("OPENID_PROVIDER_URL", "ATTUNE_OPENID_PROVIDER_URL"),
        description="Address of the OpenID Connect provider that accounts sign in at.",
    )
    space_host: str = Field(
        "", validation_alias="SPACE_HOST", description="Host name under which a Space is reached."
    )
    openid_name: str = Field(
        "",
        max_length=60,
        description="Name of the provider on the sign-in button. Empty: its host name.",
    )
    openid_scopes: str = Field(
        "openid profile",
        pattern=r"^([!-~]+ )*openid( [!-~]+)*$",
        description="Scopes to ask the provider for, separated by spaces, with `openid` among them.",
    )
    openid_groups_claim: str = Field(
        "groups",
        description="Claim with an account's groups. Dots lead into nested claims: `realm_access.roles`.",
    )
    openid_name_claim: str = Field(
        "preferred_username",
        description="Claim with an account's name. With several, separated by commas, the first that is there counts.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people (`text`), or one JSON object a line (`json`)."
    )

    otlp_endpoint: str = Field(
        "",
        description="Address of an OpenTelemetry collector that gets a trace of each question and job, e.g. `http://127.0.0.1:4318`. Needs `attune[otel]`. Empty: no traces.",
    )
    trace_text: bool = Field(
        False, description="Traces hold the texts of questions, passages and answers."
    )

    @property
    def backup_period(self) -> timedelta:
        """The time between two scheduled backups."""
        units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
        return timedelta(**{units[self.backup_every[-1]]: int(self.backup_every[:-1])})

    @property
    def on_spaces(self) -> bool:
        """Whether this runs as a Hugging Face Space."""
        return self.system == "spaces"

    @property
    def own_address(self) -> str:
        """The address under which browsers reach this installation. Empty if it is not known."""
        return f"https://{self.space_host}" if self.on_spaces else self.public_url.rstrip("/")

    @property
    def provider_name(self) -> str:
        """The sign-in provider's name, as people read it."""
        if self.openid_name:
            return self.openid_name
        host = urlsplit(self.openid_provider_url).hostname or self.openid_provider_url
        return "Hugging Face" if host == "huggingface.co" else host

    @property
    def llm_model(self) -> str | None:
        """The chat model to use, or None if no LLM is configured."""
        if self.llm:
            return self.llm
        if self.openai_api_key.get_secret_value() or self.openai_base_url:
            return "gpt-4o-mini"
        return None


def has_desktop() -> bool:
    """Tell whether this machine can open a browser for the person who starts Attune."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY"))


def silence_telemetry() -> None:
    """
    Keep libraries from reporting usage to their makers. Call it before any of them is imported.

    It also keeps Gradio from computing statistics for a page that nobody can open.
    """
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # After each event Gradio would put the last 10,000 into a table and compute percentiles.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**15)


def share_cores() -> None:
    """
    Let the threads of torch sleep while they wait for each other. Call it before torch is imported.

    By default they spin. Beside other work that made a training step of 4 s of CPU time one of 13,
    and took the cores from everybody else. A variable that is set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def keep_uploads_in(folder: Path) -> None:
    """Set the folder for Gradio's uploads. Call it before pages are built."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


@lru_cache(maxsize=1)
def load() -> Settings:
    """
    The settings of this process.

    :raises InputError: A variable has an invalid value. The message names it but no secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]).upper()
        name = name if name.startswith(("ATTUNE_", "DATABASE_", "OPENAI_")) else f"ATTUNE_{name}"
        raise InputError(f"{name}: {first['msg']}.") from None
