"""Registered models as a person handles them: looked up, deleted, exported, pushed to a hub."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from pipelines.embedder import loading, model_files, sharing
from pipelines.embedder.copies import Copies
from pipelines.errors import ConflictError, InputError, ProviderError
from pipelines.store import indexes, models, stored_files
from pipelines.store.db import Connection
from pipelines.store.ids import IndexId
from pipelines.store.models import Model


def find(conn: Connection, name: str) -> Model:
    """
    The model of this name.

    :raises InputError: There is none; the message lists those there are.
    """
    model = models.by_name(conn, name)
    if model is None:
        raise InputError(no_version(conn, name))
    return model


def no_version(conn: Connection, name: str) -> str:
    """The sentence that says that there is no version of this name, and which there are."""
    names = ", ".join(m.name for m in models.list_all(conn))
    return f"There is no version {name}; there are {names}." if names else "There is no version."


def of_index(conn: Connection, index_id: IndexId) -> Model:
    """The model of an index that is there."""
    index = indexes.get(conn, index_id)
    model = None if index is None else models.get(conn, index.model_id)
    assert model is not None, "a model with an index cannot be deleted"
    return model


def why_kept(conn: Connection, model: Model) -> str | None:
    """Why a model cannot be deleted now, in a sentence. None if it can be."""
    if model.kind in ("base", "openai"):
        return f"{model.name} is what others are compared with; it stays."
    index = indexes.of_model(conn, model.id)
    use = None if index is None else indexes.use_of(conn, index)
    return None if use is None else f"{model.name} is in use: {use}."


def delete(conn: Connection, name: str, store: Path) -> Model:
    """
    Forget a model with its vectors. Its files are deleted too, here and in the shared place, unless
    another model has the same.

    :param store: Folder that `artifacts.put` keeps models in. Files elsewhere stay.
    :raises ConflictError: It is in use, or no other model can replace it.
    """
    model = find(conn, name)
    if (reason := why_kept(conn, model)) is not None:
        raise ConflictError(reason)
    with conn.transaction():
        while (index := indexes.of_model(conn, model.id)) is not None:
            if indexes.drop(conn, index.id, timedelta(0)):
                continue
            raise ConflictError(f"{name} has just come into use; it stays.")
        indexes.forget_retired(conn, model.id)
        models.delete(conn, model.id)
    conn.commit()
    sha256 = model.manifest_sha256
    if sha256 is not None and models.uses_of(conn, sha256) == 0:
        shutil.rmtree(store / sha256, ignore_errors=True)
        stored_files.remove(conn, sha256)
        if model.artefact is not None and sharing.is_address(model.artefact):
            sharing.remove(model.artefact, sha256)
    return model


def export(
    model: Model, folder: Path, card: str | None = None, store: Copies | None = None
) -> Path:
    """
    A verified copy of a model's files in a new folder.

    :param card: Its README.md, in place of the one it was made with.
    :param store: This machine's copies of what others share.
    :raises InputError: The folder is there already, or the model has no files.
    """
    source = _files(model, store)
    if folder.exists():
        raise InputError(f"{folder} exists already.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        shutil.copytree(source, staging, dirs_exist_ok=True)
        (staging / model_files.MANIFEST).unlink(missing_ok=True)
        if card is not None:
            (staging / "README.md").write_text(card, encoding="utf-8")
        staging.chmod(0o755)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def push(
    model: Model,
    repo: str,
    *,
    private: bool = True,
    card: str | None = None,
    store: Copies | None = None,
) -> str:
    """
    Upload a model to the Hugging Face hub.

    :returns: The address of its page.
    :raises ProviderError: No token, no network, or the hub refuses.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HFValidationError

    source = _files(model, store)
    token = get_token()
    if token is None:
        raise ProviderError("No token for the Hugging Face hub: run `hf auth login` first.")
    with tempfile.TemporaryDirectory(prefix="attune-") as scratch:
        folder = export(model, Path(scratch) / source.name, card, store)
        api = HfApi(token=token)
        try:
            address = api.create_repo(repo, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message=model.name)
        except HFValidationError as error:
            raise InputError(f"{repo!r} is not the name of a repository: {error}") from error
        except Exception as error:
            raise ProviderError(f"The Hugging Face hub did not take the model: {error}") from error
    return str(address)


def _files(model: Model, store: Copies | None) -> Path:
    if model.kind == "openai":
        raise InputError(f"{model.name} is an API, {model.base}; it has no files.")
    return loading.model_folder(model, store)
