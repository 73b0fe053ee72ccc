"""
The settings, and the only code that reads the environment. Code below `app` receives plain values.

The fields' descriptions are the README's table. `tests/unit/test_docs.py` compares the two.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Literal

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
    llm: str = Field("", description="Name of the chat model. Empty with a key set: gpt-4o-mini.")
    openai_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "ATTUNE_OPENAI_API_KEY"),
        description="Key for the language model and for OpenAI embeddings. Without it and without a base URL, answers are extracts.",
    )
    openai_base_url: str = Field(
        "",
        validation_alias=AliasChoices("OPENAI_BASE_URL", "ATTUNE_OPENAI_BASE_URL"),
        description="Address of any OpenAI-compatible endpoint.",
    )
    llm_timeout_s: float = Field(
        60, gt=0, description="Longest wait for the language model, in seconds."
    )
    max_upload_mb: int = Field(100, ge=1, description="Largest file that can be added, in MB.")
    chat_upload: Literal["admins", "signed-in", "everyone"] = Field(
        "admins",
        description="Who may add documents in the chat: `admins`, `signed-in` or `everyone`. Files of admins are for all. Files of anybody else are only for that person.",
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
    admin_password: SecretStr = Field(
        SecretStr(""),
        description="Password of the admin pages. Empty: a one-time link, which works on this machine only, is printed at start.",
    )
    chat_password: SecretStr = Field(
        SecretStr(""), description="Password of the chat. Empty: the chat is public."
    )
    chat_sign_in: bool = Field(
        False, description="On a Space: people must sign in with Hugging Face before they ask."
    )
    admins: str = Field(
        "",
        description="On a Space: the Hugging Face accounts of admins, separated by commas. Each is a name, or `sub:ID` with the account's id.",
    )
    readers: str = Field(
        "",
        description="Collections that are not open to everyone: `hr=admins; board=ada,bob; internal=signed-in`.",
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
        description="Answers in a day that may use the language model, over all visitors. Later answers are extracts. 0: no limit.",
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
        "",
        validation_alias="SYSTEM",
        description="Set by Hugging Face Spaces, like the four below.",
    )
    oauth_client_id: str = Field(
        "",
        validation_alias="OAUTH_CLIENT_ID",
        description="Client id of the sign-in with Hugging Face.",
    )
    oauth_client_secret: SecretStr = Field(
        SecretStr(""),
        validation_alias="OAUTH_CLIENT_SECRET",
        description="Client secret of that sign-in.",
    )
    openid_provider_url: str = Field(
        "https://huggingface.co",
        validation_alias="OPENID_PROVIDER_URL",
        description="Address of its provider.",
    )
    space_host: str = Field(
        "", validation_alias="SPACE_HOST", description="Host name under which a Space is reached."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is logged."
    )

    @property
    def on_spaces(self) -> bool:
        """Whether this runs as a Hugging Face Space."""
        return self.system == "spaces"

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


# The settings that most installations change, shown in the README.
COMMON = frozenset({
    "home", "database_url", "host", "port", "base_model", "artefacts", "llm", "openai_api_key",
    "openai_base_url", "chat_upload", "admin_password", "chat_password",
})  # fmt: skip


def settings_table(names: Collection[str] = ()) -> str:
    """
    Settings as a table in Markdown: variable, default, meaning.

    :param names: Only the fields of these names. Empty means all.
    """
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if names and name not in names:
            continue
        alias = field.validation_alias
        variable = f"ATTUNE_{name.upper()}"
        if alias is not None:
            variable = str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)
        value = field.get_default()
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        shown = "" if value in (None, "") else f"`{value}`"
        if name == "home":
            shown = "user data folder"
        lines.append(f"| `{variable}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"
