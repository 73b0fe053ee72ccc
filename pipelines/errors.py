"""
The error tree. Raise where the facts are, saying what was expected and what was found;
each process edge (CLI, HTTP handler, job) catches `AttuneError` once and shows its message.

    AttuneError
    ├── InputError      what a person gave cannot be used        exit 2
    ├── ConflictError   the state changed under the caller       exit 3
    │   └── BusyError   somebody else is at the same; later it may be free
    ├── NotReadyError   something needed is not there yet        exit 4
    ├── ArtifactError   a model's files are not what was stored  exit 5
    ├── ProviderError   an LLM or embeddings provider failed     exit 6
    ├── GateError       a rule refuses the step                  exit 7
    └── AccessError     whoever asks may not                     exit 7
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

DISK_FULL = "The disk that Attune writes to is full. Attune continues once there is free space."
_NO_SPACE = frozenset([errno.ENOSPC, errno.EDQUOT])
_SQLSTATE_DISK_FULL = "53100"


class AttuneError(Exception):
    """A fault with a message that a person can act on."""

    exit_code = 1


class InputError(AttuneError):
    """What a person gave cannot be used."""

    exit_code = 2


class ConflictError(AttuneError):
    """The state changed under the caller, who should look again and retry."""

    exit_code = 3


class BusyError(ConflictError):
    """Somebody else does the same work, or holds what it needs. Later it may be free."""


class NotReadyError(AttuneError):
    """Something needed is not there yet (database, index, model)."""

    exit_code = 4


class ArtifactError(AttuneError):
    """A model's files are not what its manifest says."""

    exit_code = 5


class ProviderError(AttuneError):
    """An LLM or embeddings provider failed or refused."""

    exit_code = 6


class GateError(AttuneError):
    """A rule (evaluation, completeness) refuses the step."""

    exit_code = 7


class AccessError(AttuneError):
    """Whoever asks may not do this."""

    exit_code = 7


def is_disk_full(error: BaseException) -> bool:
    """Whether a full disk is behind an error: of a file, or of the database."""
    return any(
        (isinstance(one, OSError) and one.errno in _NO_SPACE)
        or getattr(one, "sqlstate", None) == _SQLSTATE_DISK_FULL
        for one in chain(error)
    )


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
