"""Any place that fsspec knows as a source of documents: s3://, hf://, sftp://, webdav:// and others."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pipelines.errors import AttuneError, InputError, NotReadyError
from pipelines.indexing import paths
from pipelines.indexing.readers.kinds import kind_of
from pipelines.indexing.sources.entries import SourceEntry, SourceRemarks
from pipelines.indexing.sources.guard import NetworkGuard
from pipelines.progress import Progress, Stopped, Task
from pipelines.store.source_entries import KnownEntry

# Of what fsspec knows, places elsewhere that need no other one below them.
PROTOCOLS = (
    "s3", "gs", "abfs", "hf", "oss", "oci", "sftp", "ftp", "webdav", "smb", "memory",
)  # fmt: skip
# Those whose address names the machine, with its port.
PORTS = {"sftp": 22, "ftp": 21, "webdav": 443, "smb": 445}
# Those that can be given the number of the machine that was checked, and not only its name.
BY_NUMBER = ("sftp", "ftp")
# How the places call what changes with the content, the most telling first.
STAMPS = (
    "ETag", "etag", "content_md5", "md5Hash", "blob_id", "oid", "LastModified", "last_modified",
    "modified", "mtime", "updated", "created",
)  # fmt: skip
# What their clients call a user and a password.
LOGINS = {
    "s3": ("key", "secret"), "sftp": ("username", "password"), "ftp": ("username", "password"),
    "smb": ("username", "password"), "oss": ("key", "secret"), "hf": ("", "token"),
    "gs": ("", "token"), "abfs": ("account_name", "account_key"),
}  # fmt: skip
EXTRAS = {"s3": "s3fs", "sftp": "paramiko", "webdav": "webdav4", "gs": "gcsfs", "abfs": "adlfs"}

log = logging.getLogger(__name__)


def protocol_of(address: str) -> str:
    """
    The protocol of an address.

    :raises InputError: It is none that a source may have.
    """
    protocol = address.partition("://")[0].lower()
    # Two colons lead on to another place, except in the number of a machine.
    if "::" in re.sub(r"\[[\da-f:.]*\]", "", address) or protocol not in PROTOCOLS:
        raise InputError(
            f"{address} is none of: a folder, a Git repository, http://, https://,"
            f" {', '.join(f'{name}://' for name in PROTOCOLS if name != 'memory')}."
        )
    return protocol


class RemoteReader:
    """
    Lists the files below an address.

    :param user: With `password` what the place asks for. Empty: what its client finds by itself,
        such as AWS's own variables.
    """

    mark = ""

    def __init__(
        self,
        address: str,
        guard: NetworkGuard,
        *,
        user: str = "",
        password: str = "",
        most_mb: int = 1000,
    ) -> None:
        self._protocol = protocol_of(address)
        self._address, self._guard = address.rstrip("/"), guard
        self._user, self._password = user, password
        self._most_mb, self._received = most_mb, 0
        self._files: Any = None
        self.remarks = SourceRemarks()

    def batches(
        self, known: Mapping[str, KnownEntry], run_id: int, task: Task
    ) -> Iterator[Sequence[SourceEntry]]:
        """All files at once. See `Reader`."""
        task.tell(Progress("fetching", item=self._address))
        self._files, root = self._opened()
        try:
            self._files.invalidate_cache()
            found = self._files.find(root, detail=True)
        except Exception as error:
            raise self._failed(error) from error
        if not found and not self._exists(root):
            raise NotReadyError(f"{self._address} is not there.")
        below = root.rstrip("/") + "/"
        yield [
            entry
            for path, facts in sorted(found.items())
            if (entry := self._entry(str(path), below, facts)) is not None
        ]

    def close(self) -> None:
        """Nothing was stored."""

    def _opened(self) -> tuple[Any, str]:
        """The client of the place, and where in it the source begins."""
        from fsspec.core import url_to_fs

        address, options = self._address, self._login()
        host = urlsplit(address).hostname or ""
        try:
            if self._protocol in PORTS:
                number = self._guard.addresses(host, self._port())[0]
                if self._protocol in BY_NUMBER:
                    address = self._with_host(number)
            if self._protocol == "webdav":
                parts = urlsplit(address)
                options["base_url"] = urlunsplit(("https", parts.netloc, parts.path, "", ""))
                address = "webdav://"
            # Instances are shared by default, and another source may have another password.
            files, root = url_to_fs(address, skip_instance_cache=True, **options)
        except (AttuneError, Stopped):
            raise
        except (ImportError, ValueError) as error:
            extra = EXTRAS.get(self._protocol)
            hint = f" Install it: pip install {extra}" if extra else ""
            raise InputError(f"{self._protocol}:// cannot be used here: {error}.{hint}") from error
        except Exception as error:
            raise self._failed(error) from error
        return files, str(root)

    def _port(self) -> int:
        return urlsplit(self._address).port or PORTS[self._protocol]

    def _with_host(self, number: str) -> str:
        parts = urlsplit(self._address)
        user = f"{parts.username}@" if parts.username else ""
        host = f"[{number}]" if ":" in number else number
        port = f":{parts.port}" if parts.port else ""
        return urlunsplit((parts.scheme, f"{user}{host}{port}", parts.path, parts.query, ""))

    def _login(self) -> dict[str, Any]:
        if not self._password:
            return {}
        if self._protocol == "webdav":
            return {"auth": (self._user, self._password)}
        user, password = LOGINS.get(self._protocol, ("username", "password"))
        named = {user: self._user} if user and self._user else {}
        return named | {password: self._password}

    def _exists(self, root: str) -> bool:
        try:
            return bool(self._files.exists(root))
        except Exception as error:
            raise self._failed(error) from error

    def _entry(self, path: str, below: str, facts: Mapping[str, Any]) -> SourceEntry | None:
        if facts.get("type") not in (None, "file"):
            return None
        relative = path.removeprefix(below).lstrip("/") or path.rpartition("/")[2]
        if any(part.startswith(".") for part in relative.split("/")):
            return None
        key = paths.readable(relative)
        name = key.rpartition("/")[2]
        try:
            kind_of(name)
        except InputError as error:
            self.remarks.skipped.append((key, str(error)))
            return None
        stamp = next((str(facts[name]) for name in STAMPS if facts.get(name)), "")
        size = facts.get("size")
        source = f"{self._address}/{key}"
        return SourceEntry(key, source, name, size, stamp, partial(self._content, path))

    def _content(self, path: str) -> bytes:
        """
        The bytes of a file.

        :raises NotReadyError: It cannot be reached, or this run has read enough.
        """
        if self._received > self._most_mb * 10**6:
            raise NotReadyError(
                f"{self._most_mb:,} MB are read (ATTUNE_SOURCE_MB); the next run reads on"
            )
        try:
            content = bytes(self._files.cat_file(path))
        except Exception as error:
            raise self._failed(error) from error
        self._received += len(content)
        return content

    def _failed(self, error: Exception) -> NotReadyError:
        """The clients raise what they like. What they say has no password in it."""
        log.warning("%s cannot be read: %s", self._address, type(error).__name__, exc_info=error)
        said = str(error).replace(self._password, "***") if self._password else str(error)
        reason = paths.readable(said.strip().split("\n")[0][:300]) or type(error).__name__
        return NotReadyError(f"{self._address} cannot be read: {reason}")
