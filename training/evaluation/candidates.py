"""Resolves the names of models to evaluate: registered versions, folders, and models of an API."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.embedder import loading, model_files, registry
from pipelines.embedder.encoder import Encoder
from pipelines.embedder.endpoint import OpenAIEncoder
from pipelines.embedder.loading import OPENAI_PREFIX, EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import InputError
from pipelines.store import models
from pipelines.store.db import Connection
from pipelines.store.models import Model
from training.evaluation import metrics
from training.evaluation.examine import Candidate
from training.evaluation.paid import PaidEncoder
from training.evaluation.rankings import Rules
from training.run import Folders

CACHE = "embeddings.sqlite"


@dataclass(frozen=True)
class Surroundings:
    """
    What names are resolved with: rules of new indexes, encoder options, and the folders of runs.
    """

    rules: Rules
    options: EncoderOptions
    folders: Folders


def resolve(conn: Connection, name: str, around: Surroundings) -> Candidate:
    """
    The candidate with a name: a registered version, ``openai:NAME``, a folder, or a hub id.

    :raises InputError: There is nothing with that name.
    """
    check_name(conn, name)
    if (model := models.by_name(conn, name)) is not None:
        return registered(model, around)
    if name.startswith(OPENAI_PREFIX):
        return _of_api(name, name, around)
    folder = model_files.find_base(name, around.options.cache)
    shown = name if not Path(name).is_dir() else "/".join(folder.parts[-2:])
    return _of_folder(shown, "base", folder, model_files.Manifest.of(folder).sha256, around)


def check_name(conn: Connection, name: str) -> None:
    """
    Refuse a name that can only be a version's but is not. Nothing is loaded.

    :raises InputError: There is no such version. The message lists the existing ones.
    """
    elsewhere = name.startswith((OPENAI_PREFIX, ".", "~")) or "/" in name
    if elsewhere or name == model_files.BUNDLED or Path(name).is_dir():
        return
    if models.by_name(conn, name) is None:
        raise InputError(f"{registry.no_version(conn, name)} A model of the hub is OWNER/NAME.")


def registered(model: Model, around: Surroundings) -> Candidate:
    """The candidate of a registered version, with its files verified."""
    if model.kind == "openai":
        return _of_api(model.name, model.base, around)
    folder = loading.model_folder(model, around.options.models)
    sha256 = model.manifest_sha256 or model_files.Manifest.of(folder).sha256
    rules = Rules(
        model.settings.get("size_tokens", around.rules.size_tokens),
        model.settings.get("stride_tokens", around.rules.stride_tokens),
        model.settings.get("lexical_weight", around.rules.lexical_weight),
        around.rules.codes,
    )
    found = _of_folder(model.name, model.kind, folder, sha256, around)
    return Candidate(
        **vars(found)
        | {
            "rules": rules,
            "settings": model.settings,
            "trained_on": _trained_on(model, around.folders),
        }
    )


def identity(model: Model) -> str:
    """The name of a model's weights wherever they are, as in `Candidate.identity`."""
    return model.base if model.kind == "openai" else str(model.manifest_sha256)


def _of_folder(name: str, kind: str, folder: Path, sha256: str, around: Surroundings) -> Candidate:
    def load() -> Encoder:
        # Torch for all: an accelerated twin that one of them happens to have would tip the scale.
        options = around.options
        return LocalEncoder(folder, device=options.device, threads=options.threads, may_halve=True)

    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Candidate(name, sha256, kind, around.rules, load, size_bytes)


def _of_api(name: str, base: str, around: Surroundings) -> Candidate:
    options = around.options
    if not options.openai_api_key and not options.openai_base_url:
        raise InputError(f"{name} needs OPENAI_API_KEY, or OPENAI_BASE_URL of another endpoint.")

    def load() -> Encoder:
        encoder, _, _ = loading.load_base(base, options)
        assert isinstance(encoder, OpenAIEncoder)
        return PaidEncoder(encoder, options.cache / CACHE)

    return Candidate(name, base, "openai", around.rules, load)


def _trained_on(model: Model, folders: Folders) -> frozenset[str]:
    """Digests of the questions that a model was trained on, while its run's folder exists."""
    if "run" not in model.settings:
        return frozenset()
    run = folders.run(model.settings["run"])
    return frozenset(
        metrics.fingerprint(question.text)
        for path in (run.train, run.heldout)
        if path.is_file()
        for question in run.read_questions(path)
    )
