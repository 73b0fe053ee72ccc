"""
Indexes brought into being: the first one at first start; later versions beside the serving one.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.embedder import build_twin, copies, cpu_twin, model_files, sharing
from pipelines.embedder.copies import Copies
from pipelines.embedder.cpu_twin import TwinReport
from pipelines.embedder.encoder import Encoder
from pipelines.embedder.endpoint import OpenAIEncoder
from pipelines.embedder.local import LocalEncoder
from pipelines.embedder.tokens import TokenCounter
from pipelines.errors import ArtifactError, NotReadyError
from pipelines.progress import NO_TASK, Task
from pipelines.store import models, stored_files
from pipelines.store.db import Connection
from pipelines.store.models import Model

OPENAI_PREFIX = "openai:"
OPENAI_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}


@dataclass(frozen=True)
class EncoderOptions:
    """
    What loading an encoder takes from the deployment, beside the model itself.

    `models`: this machine's copies of versions' files. `artefacts`: the place where versions are
    shared with other machines; empty: they are not. `database_mb`: the largest version that is
    kept in the database instead, in MB; None where the database lies on the same disk. `codes`: new
    indexes get codes of tokens, if their encoder gives them.
    """

    cache: Path
    device: str | None = None
    threads: int | None = None
    openai_api_key: str | None = None
    openai_base_url: str | None = None
    models: Copies | None = None
    artefacts: str = ""
    database_mb: int | None = None
    codes: bool = True


def load_base(name: str, options: EncoderOptions) -> tuple[Encoder, str | None, str | None]:
    """
    An encoder by the name a setting gives it.

    :returns: The encoder, the folder of its files (None for OpenAI) and their manifest's sha256.
    """
    if name.startswith(OPENAI_PREFIX):
        return _openai(name.removeprefix(OPENAI_PREFIX), options), None, None
    folder = model_files.find_base(name, options.cache)
    manifest = model_files.Manifest.of(folder)
    encoder = LocalEncoder(folder, device=options.device, threads=options.threads)
    return encoder, str(folder), manifest.sha256


def load_model(model: Model, options: EncoderOptions) -> Encoder:
    """
    The encoder of a registered model, its files verified first: on a CPU its accelerated twin
    where there is a usable one, else torch.

    :raises ArtifactError: The files are not what was registered.
    """
    if model.kind == "openai":
        return _openai(model.base.removeprefix(OPENAI_PREFIX), options)
    folder = model_folder(model, options.models)
    if model.manifest_sha256 is not None and accelerates(options):
        twin = cpu_twin.load(options.cache, model.manifest_sha256, threads=options.threads)
        if twin is not None:
            return twin
    return LocalEncoder(folder, device=options.device, threads=options.threads)


def model_folder(model: Model, store: Copies | None = None) -> Path:
    """
    Where a registered model's files are, verified. A shared version is fetched if need be.

    :param store: This machine's copies. If None, what is shared cannot be had.
    :raises ArtifactError: The files are not what was registered.
    :raises NotReadyError: They are not on this machine, and cannot be had.
    """
    if model.kind == "base" and model.base == model_files.BUNDLED:
        # Comes with each installation; its place differs from machine to machine.
        return model_files.bundled_model()
    if model.artefact is None or model.manifest_sha256 is None:
        raise NotReadyError(f"Version {model.name} has no files registered.")
    if sharing.is_address(model.artefact):
        if store is None:
            raise NotReadyError(f"The files of {model.name} are in {model.artefact}, not here.")
        return sharing.fetch(model.artefact, model.manifest_sha256, store.folder)
    folder = Path(model.artefact)
    try:
        model_files.verify(folder, model.manifest_sha256)
    except ArtifactError as fault:
        if store is None:
            raise
        return store.restore(model.manifest_sha256, fault)
    return folder


def share(conn: Connection, model: Model, options: EncoderOptions) -> None:
    """
    Put a version's files where other machines find them, unless they are there or everywhere.

    :raises NotReadyError: The shared place cannot be written to.
    :raises GateError: No place is shared, and the files are too large for the database.
    """
    if model.manifest_sha256 is None or model.artefact is None:
        return
    bundled = model.kind == "base" and model.base == model_files.BUNDLED
    if bundled or sharing.is_address(model.artefact):
        return
    if options.artefacts:
        folder = model_folder(model, options.models)
        address = sharing.publish(folder, model.manifest_sha256, options.artefacts)
        models.set_artefact(conn, model.id, address)
        return
    is_kept = stored_files.size_of(conn, model.manifest_sha256) is not None
    if options.database_mb is not None and not is_kept:
        folder = model_folder(model, options.models)
        copies.keep_in_database(conn, model, folder, options.database_mb)


def makes_codes(encoder: Encoder, options: EncoderOptions) -> bool:
    """Whether a new index of the encoder gets codes of tokens."""
    return options.codes and encoder.late


def accelerates(options: EncoderOptions) -> bool:
    """Whether this machine embeds on an x86 CPU. Asks no library: torch takes seconds to import."""
    has_gpu = Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists()
    on_cpu = options.device == "cpu" or (options.device is None and not has_gpu)
    return on_cpu and platform.machine().lower() in ("x86_64", "amd64")


def lacks_twin(model: Model, options: EncoderOptions, windows: int) -> bool:
    """
    Whether `accelerate` would build a twin of the model: it has none, or one that was made when
    there was much less to judge it by.

    :param windows: How many different ones there are to judge it by.
    """
    if model.manifest_sha256 is None or not accelerates(options):
        return False
    verdict = _verdict(model, options)
    if verdict is None:
        return True
    judged = verdict.questions // build_twin.QUESTIONS_PER_TEXT
    return 0 < 2 * judged <= min(windows, build_twin.COMPARED_TEXTS)


def twin_serves(model: Model, options: EncoderOptions) -> bool:
    """Whether the model has a twin that would be used if it were loaded now."""
    verdict = _verdict(model, options) if accelerates(options) else None
    return verdict is not None and verdict.usable


def accelerate(
    model: Model,
    options: EncoderOptions,
    texts: Sequence[str],
    task: Task = NO_TASK,
) -> TwinReport | None:
    """
    Build a model's accelerated twin if it lacks one.

    It takes half a minute on two cores. The twin serves once the model is loaded again.

    :param texts: Windows of the documents it will embed, some hundred.
    :returns: What came of it. None if it is not wanted here, was built before, or was stopped.
    """
    if model.manifest_sha256 is None or not lacks_twin(model, options, len(set(texts))):
        return None
    target = _twin_folder(model.manifest_sha256, options)
    folder = model_folder(model, options.models)
    return build_twin.build_in_child(folder, target, texts, task)


def forget_twin(model: Model, options: EncoderOptions) -> None:
    """Remove the twin of a model whose files are gone."""
    if model.manifest_sha256 is not None:
        shutil.rmtree(_twin_folder(model.manifest_sha256, options), ignore_errors=True)


def _verdict(model: Model, options: EncoderOptions) -> TwinReport | None:
    """What building the model's twin came to. None if it has not been tried."""
    if model.manifest_sha256 is None:
        return None
    return cpu_twin.read_verdict(_twin_folder(model.manifest_sha256, options))


def _twin_folder(sha256: str, options: EncoderOptions) -> Path:
    return cpu_twin.folder_for(options.cache, sha256)


def _openai(name: str, options: EncoderOptions) -> OpenAIEncoder:
    return OpenAIEncoder(
        name,
        dimension=OPENAI_DIMENSIONS.get(name),
        counter=TokenCounter(model_files.bundled_model() / "tokenizer.json"),
        api_key=options.openai_api_key,
        base_url=options.openai_base_url,
    )
