"""Secrets that are kept in the database: encrypted, with a key that is not in it."""

from __future__ import annotations

import io
import os
import secrets
import tempfile
from pathlib import Path

from filelock import FileLock

from app.sealing.streams import seal, unseal
from app.settings import Settings
from pipelines.errors import AttuneError, InputError

KEY_FILE = "source.key"
KEY_BYTES = 32


def close(settings: Settings, text: str) -> bytes:
    """Encrypt a secret."""
    return b"".join(seal([text.encode()], _key(settings)))


def open_(settings: Settings, sealed: bytes, what: str) -> str:
    """
    Decrypt a secret. It takes a tenth of a second.

    :param what: What it is, as in "The key of gpt-4o".
    :raises InputError: It was encrypted with another key.
    """
    try:
        return b"".join(unseal(io.BytesIO(sealed), _key(settings))).decode()
    except (AttuneError, ValueError):
        raise InputError(
            f"{what} was stored with another key. Set ATTUNE_SOURCE_KEY to the same value on all"
            " machines, or give it again."
        ) from None


def _key(settings: Settings) -> str:
    """The operator's passphrase, or a random one that this data folder keeps for itself."""
    if given := settings.source_key.get_secret_value():
        return given
    path = settings.home / KEY_FILE
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            _write_private(path, secrets.token_urlsafe(KEY_BYTES))
    return path.read_text(encoding="utf-8")


def _write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    Path(name).replace(path)
