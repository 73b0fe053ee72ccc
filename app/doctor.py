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
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import psycopg

from app.access.policy import parse_rules, unknown_collections
from app.actions.backup import keeping
from app.actions.backup.place import shown
from app.settings import Settings
from pipelines.embedder import model_files, registry
from pipelines.errors import AttuneError
from pipelines.store import (
    active,
    addresses,
    backups,
    db,
    document_list,
    gaps,
    models,
    standby,
    stored_files,
    vectors,
)
from pipelines.text.scoring import late

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.answering.llm import LLMOptions

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


def examine_services(services: Services) -> Iterator[Check]:
    """Run the checks of the database and of the serving version."""
    yield _guarded("database", lambda: _database(services))
    if services.settings.read_database_url.get_secret_value():
        yield _guarded("standby", lambda: _standby(services))
    yield _guarded("llm", lambda: _llms(services))
    yield _guarded("serving version", lambda: _serving(services))
    yield _guarded("late interaction", lambda: _late(services))
    yield _guarded("version files", lambda: _version_files(services))
    yield _guarded("backup", lambda: _backup(services))
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


def _llms(services: Services) -> tuple[State, str]:
    """Every language model. The worst one decides about the state."""
    fixed, added = services.llms.fixed, services.llms.added()
    if fixed is None and not added:
        return "ok", "none set up: answers are extracts (attune llm set)"
    if fixed is not None:
        return _llm(fixed)
    found = [_llm(services.llms.options(model)) for model in added]
    worst = max((state for state, _ in found), key=("ok", "warning", "failed").index)
    return worst, "; ".join(detail for _, detail in found)


def _llm(options: LLMOptions) -> tuple[State, str]:
    from openai import OpenAI, OpenAIError

    client = OpenAI(
        api_key=options.api_key or "none",
        base_url=options.base_url,
        timeout=10,
        max_retries=0,
    )
    try:
        names = {model.id for model in client.models.list()}
    except OpenAIError as error:
        return "failed", f"{client.base_url} does not answer: {error}"
    if options.model not in names:
        return "warning", f"{client.base_url} answers but does not list {options.model}."
    return "ok", f"{options.model} at {client.base_url}"


def _database(services: Services) -> tuple[State, str]:
    with services.pool.connection() as conn:
        facts = db.facts(conn)
    where = "server" if services.settings.database_url.get_secret_value() else "embedded"
    return (
        "ok",
        f"{where} PostgreSQL {facts.version}, pgvector {facts.pgvector}, "
        f"{facts.size_bytes / 1e6:.0f} MB",
    )


def _standby(services: Services) -> tuple[State, str]:
    url = services.settings.read_database_url.get_secret_value()
    try:
        found = standby.look(url, services.pool)
    except psycopg.Error as error:
        told = addresses.without_password(str(error), url).strip().split("\n")[0]
        return "warning", f"cannot be read, so the database itself is searched: {told}"
    if not found.in_recovery:
        return "warning", "ATTUNE_READ_DATABASE_URL leads to no standby."
    return "ok", f"{found.behind_bytes / 1e6:.1f} MB of changes behind, at epoch {found.epoch}"


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


def _backup(services: Services) -> tuple[State, str]:
    settings = services.settings
    if not settings.backup:
        if settings.on_spaces and not settings.database_url.get_secret_value():
            return "warning", "none. Set ATTUNE_BACKUP, unless /data is persistent storage."
        return "ok", "no ATTUNE_BACKUP: by hand only, with attune backup"
    with services.pool.connection() as conn:
        state = backups.get(conn)
    place, now = shown(settings.backup), datetime.now(UTC)
    taken = f"the last one {state.taken_at:%Y-%m-%d %H:%M} UTC" if state.taken_at else "none yet"
    if state.failed_at is not None:
        return "warning", f"{taken}; failed {state.failed_at:%Y-%m-%d %H:%M} UTC: {state.fault}"
    if keeping.is_late(state, settings.backup_period, now):
        return "warning", f"{taken}. Nobody makes backups: start attune serve or attune worker."
    return "ok", f"{taken}, every {settings.backup_every} in {place}"


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
