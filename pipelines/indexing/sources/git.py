"""
A Git repository as a source of documents: its files at the newest commit of a branch.

The repository is fetched without a working tree, so none of its links, filters and hooks ever act.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pipelines.errors import InputError, NotReadyError
from pipelines.indexing import paths
from pipelines.indexing.readers.kinds import kind_of
from pipelines.indexing.sources.entries import SourceEntry, SourceRemarks
from pipelines.indexing.sources.guard import NetworkGuard
from pipelines.indexing.sources.repository import Repository
from pipelines.progress import Progress, Task
from pipelines.store.source_entries import KnownEntry
from pipelines.system import child_environment

ASK_S, SHOW_S, LOOK_S = 60.0, 60.0, 0.2
# The first one that connects to the address that was checked (`http.curloptResolve`).
FEWEST_VERSION = (2, 37)
LINK, MODULE = "120000", "160000"
LFS = b"version https://git-lfs.github.com/spec/"
_PASSED_ON = ("PATH", "HOME", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "TMPDIR")


class GitReader:
    """
    Lists the files of a repository. Links, submodules and hidden files are left out.

    :param folder: Where the repository lies while it is read.
    :param login: The value of the header `Authorization`.
    :param before: The commit that was read last, or an empty text.
    """

    def __init__(
        self,
        address: str,
        guard: NetworkGuard,
        folder: Path,
        *,
        login: str = "",
        before: str = "",
        most_mb: int = 1000,
        most_minutes: float = 60,
    ) -> None:
        self._repository, self._address = Repository.parse(address), address
        self._guard, self._login, self._before = guard, login, before
        self._most_mb, self._most_minutes = most_mb, most_minutes
        self._parent = folder
        self._folder: Path | None = None
        self._environment: dict[str, str] = {}
        self.remarks = SourceRemarks()
        self.mark = ""

    def batches(
        self, known: Mapping[str, KnownEntry], run_id: int, task: Task
    ) -> Iterator[Sequence[SourceEntry]]:
        """All files at once. None if the newest commit is the one that was read. See `Reader`."""
        self._environment = self._prepared()
        task.tell(Progress("fetching", item=self._address))
        self.mark = self._newest()
        is_whole = all(one.document_id is not None and one.stamp for one in known.values())
        if self.mark == self._before and is_whole:
            self.remarks.unchanged |= known.keys()
            return
        self._folder = Path(tempfile.mkdtemp(prefix="git-", dir=self._parent))
        self._fetch(self._folder, task)
        listed = self._show("ls-tree", "-r", "-l", "-z", "HEAD")
        lines = [os.fsdecode(line) for line in listed.split(b"\0") if line]
        yield [entry for line in lines if (entry := self._entry(line)) is not None]

    def close(self) -> None:
        """Remove the repository."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _prepared(self) -> dict[str, str]:
        """
        The environment of Git, which knows no settings but these.

        :raises AccessError: The guard refuses the host.
        :raises NotReadyError: There is no Git, or an old one. The host is not known.
        """
        _check_version()
        where, config = self._repository, {"http.followRedirects": "false"}
        environment = child_environment.only(_PASSED_ON)
        if where.host:
            try:
                number = self._guard.addresses(where.host, where.port)[0]
            except OSError as error:
                raise NotReadyError(f"{where.host} is not known: {error.strerror}.") from error
            if where.scheme == "ssh":
                environment["GIT_SSH_COMMAND"] = (
                    "ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new"
                    f" -oHostName={number} -oHostKeyAlias={where.host}"
                )
            else:
                config["http.curloptResolve"] = f"{where.host}:{where.port}:{number}"
        if self._login:
            config[f"http.{where.scheme}://{where.host}:{where.port}/.extraHeader"] = (
                f"Authorization: {self._login}"
            )
        for number_of, (key, value) in enumerate(config.items()):
            environment |= {
                f"GIT_CONFIG_KEY_{number_of}": key,
                f"GIT_CONFIG_VALUE_{number_of}": value,
            }
        return environment | {
            "GIT_CONFIG_COUNT": str(len(config)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": where.scheme,
            "LC_ALL": "C",
        }

    def _newest(self) -> str:
        """
        The newest commit of the branch.

        :raises NotReadyError: There is none, or the repository does not answer.
        """
        name = f"refs/heads/{self._repository.branch}" if self._repository.branch else "HEAD"
        try:
            done = self._run(["ls-remote", "--", self._repository.url, name], ASK_S)
        except subprocess.TimeoutExpired:
            raise NotReadyError(f"{self._address} does not answer within {ASK_S:g} s.") from None
        if done.returncode:
            raise self._refused(done.stderr)
        commit = done.stdout.decode("ascii", "replace").partition("\t")[0].strip()
        if not commit:
            raise NotReadyError(f"{self._address} has no commit at {name}.")
        return commit

    def _fetch(self, folder: Path, task: Task) -> None:
        """Clone the newest commit alone, within the bounds of time and size."""
        branch = ["--branch", self._repository.branch] if self._repository.branch else []
        command = ["git", "clone", "--quiet", "--bare", "--depth", "1", "--no-tags", *branch]
        process = subprocess.Popen(
            [*command, "--", self._repository.url, str(folder / "repository")],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        deadline = time.monotonic() + self._most_minutes * 60
        try:
            is_over = False
            while not is_over:
                is_over = process.poll() is not None
                task.check()
                if time.monotonic() > deadline:
                    raise NotReadyError(
                        f"{self._address}: {self._most_minutes:g} minutes are over"
                        " (ATTUNE_SOURCE_MINUTES)."
                    )
                if _size_bytes(folder) > self._most_mb * 10**6:
                    raise NotReadyError(
                        f"{self._address} has more than {self._most_mb:,} MB (ATTUNE_SOURCE_MB)."
                    )
                time.sleep(0 if is_over else LOOK_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            _, said = process.communicate()
        if process.returncode:
            raise self._refused(said)

    def _entry(self, line: str) -> SourceEntry | None:
        """A file from a line of `git ls-tree`: mode, type, id, size and path."""
        facts, _, path = line.partition("\t")
        mode, _, blob, size = facts.split()
        key = paths.readable(path)
        if any(part.startswith(".") for part in path.split("/")):
            return None
        if mode in (LINK, MODULE):
            what = "a link" if mode == LINK else "a submodule"
            self.remarks.skipped.append((key, f"it is {what}"))
            return None
        name = key.rpartition("/")[2]
        try:
            kind_of(name)
        except InputError as error:
            self.remarks.skipped.append((key, str(error)))
            return None
        source = f"git+{self._address.removeprefix('git+')}/{key}"
        return SourceEntry(key, source, name, int(size), blob, partial(self._content, blob))

    def _content(self, blob: str) -> bytes:
        content = self._show("cat-file", "blob", blob)
        if content.startswith(LFS):
            raise InputError("its content is kept in Git LFS, which is not fetched")
        return content

    def _show(self, *arguments: str) -> bytes:
        """What Git says of the repository that was fetched."""
        assert self._folder is not None
        where = f"--git-dir={self._folder / 'repository'}"
        done = self._run([where, *arguments], SHOW_S)
        if done.returncode:
            raise self._refused(done.stderr)
        return done.stdout

    def _run(
        self, arguments: Sequence[str], timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    def _refused(self, said: bytes) -> NotReadyError:
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        reason = next(
            (x for x in lines if x.startswith(("fatal:", "ERROR:"))), (lines or ["?"])[-1]
        )
        return NotReadyError(
            f"{self._address} cannot be read: {paths.readable(reason.removeprefix('fatal: '))}"
        )


def _check_version() -> None:
    """:raises NotReadyError: There is no Git on the PATH, or it is too old."""
    try:
        said = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise NotReadyError("Git is needed to read repositories: apt-get install git") from None
    numbers = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if numbers < FEWEST_VERSION:
        raise NotReadyError(
            f"Git 2.37 or newer is needed to read repositories, found {said.strip()}."
        )


def _size_bytes(folder: Path) -> int:
    """What a folder takes on the disk. Files may go meanwhile."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{where}/{name}").st_size
            except OSError:
                continue
    return total
