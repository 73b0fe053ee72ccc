"""
Checks of an installation, each reported as one sentence with what to do about it.

A check only reads and reports. It repairs nothing and never raises.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.access.policy import parse_rules, unknown_collections
from app.settings import Settings
from pipelines.embedder import model_files, registry
from pipelines.errors import AttuneError
from pipelines.store import active, db, document_list, gaps, models, stored_files, vectors
from pipelines.text.scoring import late

if TYPE_CHECKING:
    from app.services import Services

State = Literal["ok", "warning", "failed"]
MIN_FREE_GB = 2.0


@dataclass(frozen=True)
class Check:
    """The result of one check, with advice if it is not ok."""

    name: str
    state: State
    detail: str


def examine_machine(settings: Settings) -> Iterator[Check]:
    """Run the checks that need no database."""
    yield _guarded("python", lambda: ("ok", f"{platform.python_version()} on {sys.platform}"))
    yield _guarded("data folder", lambda: _data_folder(settings))
    yield _guarded("torch", _torch)
    yield _guarded("base model", lambda: _base_model(settings))
    yield _guarded("llm", lambda: _llm(settings))


def examine_services(services: Services) -> Iterator[Check]:
    """Run the checks of the database and of the serving version."""
    yield _guarded("database", lambda: _database(services))
    yield _guarded("serving version", lambda: _serving(services))
    yield _guarded("late interaction", lambda: _late(services))
    yield _guarded("version files", lambda: _version_files(services))
    yield _guarded("documents", lambda: _documents(services))
    yield _guarded("readers", lambda: _readers(services))


def _guarded(name: str, look: Callable[[], tuple[State, str]]) -> Check:
    try:
        return Check(name, *look())
    except AttuneError as error:
        return Check(name, "failed", str(error))
    except Exception as error:  # a check must not hide the ones after it
        return Check(name, "failed", f"{type(error).__name__}: {error}")


def _data_folder(settings: Settings) -> tuple[State, str]:
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    if not os.access(home, os.W_OK):
        return "failed", f"{home} cannot be written. Set ATTUNE_HOME to a folder that can."
    free_gb = shutil.disk_usage(home).free / 1e9
    if free_gb < MIN_FREE_GB:
        return "warning", f"{home} has {free_gb:.1f} GB free. Tuning needs {MIN_FREE_GB:g} GB."
    return "ok", f"{home}, {free_gb:.0f} GB free"


def _torch() -> tuple[State, str]:
    import torch

    gpus = torch.cuda.device_count()
    device = f"{gpus} GPU(s), {torch.cuda.get_device_name(0)}" if gpus else "CPU"
    return "ok", f"{torch.__version__}, {device}, {torch.get_num_threads()} threads"


def _base_model(settings: Settings) -> tuple[State, str]:
    name = settings.base_model
    if name.startswith("openai:"):
        has_key = bool(settings.openai_api_key.get_secret_value() or settings.openai_base_url)
        return ("ok", name) if has_key else ("failed", f"{name} needs OPENAI_API_KEY.")
    return "ok", f"{name} in {model_files.find_base(name, settings.home / 'cache')}"


def _llm(settings: Settings) -> tuple[State, str]:
    if settings.llm_model is None:
        return "ok", "none configured: answers are extracts (set OPENAI_API_KEY or OPENAI_BASE_URL)"
    from openai import OpenAI, OpenAIError

    client = OpenAI(
        api_key=settings.openai_api_key.get_secret_value() or "none",
        base_url=settings.openai_base_url or None,
        timeout=10,
        max_retries=0,
    )
    try:
        names = {model.id for model in client.models.list()}
    except OpenAIError as error:
        return "failed", f"{client.base_url} does not answer: {error}"
    if settings.llm_model not in names:
        return "warning", f"{client.base_url} answers but does not list {settings.llm_model}."
    return "ok", f"{settings.llm_model} at {client.base_url}"


def _database(services: Services) -> tuple[State, str]:
    with services.pool.connection() as conn:
        facts = db.facts(conn)
    where = "server" if services.settings.database_url.get_secret_value() else "embedded"
    return (
        "ok",
        f"{where} PostgreSQL {facts.version}, pgvector {facts.pgvector}, "
        f"{facts.size_bytes / 1e6:.0f} MB",
    )


def _serving(services: Services) -> tuple[State, str]:
    handle = services.replica.current()
    with services.pool.connection() as conn:
        epoch = active.serving(conn).epoch
    if epoch != handle.epoch:
        return "warning", "The serving version changed while this was looked at; run it again."
    handle.encoder.encode_queries(["Does the embedder work?"])
    detail = f"{handle.model_name}, {handle.encoder.dimension} dimensions, epoch {handle.epoch}"
    if handle.model_name == "base":
        with services.pool.connection() as conn:
            model = models.get(conn, handle.model_id)
        if model is not None and model.base != services.settings.base_model:
            return (
                "warning",
                f"{detail}, made from {model.base}, while ATTUNE_BASE_MODEL is "
                f"{services.settings.base_model}: a new base serves only once it is built and "
                "promoted.",
            )
    return "ok", detail


def _late(services: Services) -> tuple[State, str]:
    handle, name = services.replica.current(), services.replica.current().model_name
    with services.pool.connection() as conn:
        windows = gaps.count_windows(conn, handle.rule_id)
        taken = vectors.codes_bytes(conn, handle.vectors_id) if handle.coded else 0
    if handle.coded:
        unused = "" if handle.compares else ", not used (ATTUNE_LATE_INTERACTION is off)"
        said = f"{name} has codes of the tokens of {windows:,} windows, {taken / 1e6:,.0f} MB"
        return "ok", said + unused
    if not handle.encoder.late:
        return "ok", f"{name} gives no codes of tokens"
    if services.settings.late_interaction == "off":
        return "ok", f"off by ATTUNE_LATE_INTERACTION, {name} has no codes of tokens"
    with services.pool.connection() as conn:
        lender = registry.of_index(conn, handle.vectors_id).name
    names = dict.fromkeys((lender, name))
    builds = " && ".join(f"attune models build {one} --again" for one in names)
    each = (handle.size_tokens + 2) * late.row_bytes(handle.encoder.dimension)
    return (
        "warning",
        f"{name} has no codes of tokens, it was built before there were any. Questions are answered"
        f" as before. To make them, about {windows * each / 1e6:,.0f} MB: {builds}"
        f" && attune models promote {name}",
    )


def _version_files(services: Services) -> tuple[State, str]:
    if services.settings.artefacts:
        return "ok", f"shared in {services.settings.artefacts}"
    if not services.settings.database_url.get_secret_value():
        return "ok", f"in {services.settings.home / 'models'}, on this disk only"
    with services.pool.connection() as conn:
        sizes = stored_files.sizes(conn)
        known = models.list_all(conn)
    lost = [
        m.name
        for m in known
        if m.kind not in ("base", "openai") and (m.manifest_sha256 or "") not in sizes
    ]
    detail = f"{sum(sizes.values()) / 1e6:,.0f} MB in the database"
    if lost:
        return "warning", f"{detail}. On one machine's disk only: {', '.join(lost)}."
    return "ok", detail


def _documents(services: Services) -> tuple[State, str]:
    with services.pool.connection() as conn:
        counts = document_list.count_by_status(conn)
        warned = document_list.count_unread_language(conn)
    indexed, failed = counts.get("indexed", 0), counts.get("failed", 0)
    detail = f"{indexed} indexed, {failed} failed"
    if warned:
        return (
            "warning",
            f"{detail}; {warned} in a language the embedding model does not read: choose a "
            "multilingual base, e.g. ATTUNE_BASE_MODEL=intfloat/multilingual-e5-small.",
        )
    return "ok", detail


def _readers(services: Services) -> tuple[State, str]:
    rules = parse_rules(services.settings.readers)
    with services.pool.connection() as conn:
        warning = unknown_collections(rules, document_list.collections(conn))
    if warning is not None:
        return "warning", warning
    return "ok", f"{len(rules)} collection(s) closed" if rules else "all collections are open"
