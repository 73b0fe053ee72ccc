"""Addresses of Git repositories. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.errors import InputError

PORTS = {"https": 443, "http": 80, "ssh": 22}
_SHORT = re.compile(r"(?:([\w.-]+)@)?([\w.-]+\.[\w-]+):(?!/)(.+)")
_BRANCH = re.compile(r"[\w][\w./-]*")


@dataclass(frozen=True)
class Repository:
    """
    Where a repository is.

    :param url: As Git takes it.
    :param host: Empty if it is on this machine.
    :param branch: Empty means the one that the repository names.
    """

    url: str
    scheme: str
    host: str
    port: int
    branch: str

    @classmethod
    def parse(cls, address: str) -> Repository:
        """
        A repository from its address, perhaps with ``#branch``.

        :raises InputError: It is no address of a repository.
        """
        bare, _, branch = address.removeprefix("git+").partition("#")
        if short := _SHORT.fullmatch(bare):
            user, host, path = short.groups()
            bare = f"ssh://{user or 'git'}@{host}/{path}"
        try:
            parts = urlsplit(bare)
            port = parts.port
        except ValueError:
            raise InputError(f"{address} is no address of a repository.") from None
        if branch and (not _BRANCH.fullmatch(branch) or ".." in branch):
            raise InputError(f"{branch!r} is no name of a branch.")
        if parts.scheme == "file" and not parts.netloc:
            return cls(bare, "file", "", 0, branch)
        host = parts.hostname or ""
        if parts.scheme not in PORTS or not host or host.startswith("-"):
            raise InputError(
                f"{address} is no address of a repository: https://, ssh:// or HOST:PATH."
            )
        return cls(bare, parts.scheme, host, port or PORTS[parts.scheme], branch)


def is_short(address: str) -> bool:
    """Whether an address is written as ``HOST:PATH``, as Git allows."""
    return _SHORT.fullmatch(address) is not None
