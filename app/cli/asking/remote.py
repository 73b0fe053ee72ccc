"""
`attune ask`, `ingest` and `documents` on another machine's Attune: by its API, with a key.

`ATTUNE_URL` names it, and `ATTUNE_KEY` is the key. This machine then needs no database and no model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import typer

from app.cli.asking.report import COLOUR
from app.cli.common import emit_json
from pipelines.errors import AccessError, AttuneError, InputError, NotReadyError, ProviderError

ANSWER_S, UPLOAD_S = 300, 900
# A server that says "too many requests" is asked again after the time that it names.
TRIES, LONGEST_WAIT_S = 5, 60
POLL_S = 1.0
MOST_LISTED = 500
LABELS = {"not_found": "Not in the documents", "error": "Fault", "extracts": "Extracts"}


@dataclass(frozen=True)
class Remote:
    """A server that is reached by its API."""

    url: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InputError("ATTUNE_URL: expected an address like https://docs.example.org.")
        if not self.key:
            raise InputError("ATTUNE_URL needs ATTUNE_KEY, a key from the Keys tab of that server.")

    def call(
        self, method: str, path: str, *, timeout_s: float = ANSWER_S, **request: Any
    ) -> dict[str, Any]:
        """
        Send a request below `/api/v1` and return the reply.

        :raises AttuneError: It cannot be reached or refuses; the message says why.
        """
        import requests

        for number in range(TRIES):
            try:
                reply = requests.request(
                    method, f"{self.url.rstrip('/')}/api/v1{path}",
                    headers={"authorization": f"Bearer {self.key}"}, timeout=(10, timeout_s),
                    # A redirect would take the key elsewhere.
                    allow_redirects=False, **request,
                )  # fmt: skip
            except requests.RequestException as error:
                raise NotReadyError(
                    f"{self.url} does not answer ({type(error).__name__})."
                ) from error
            wait_s = _wait_s(reply)
            if reply.status_code != 429 or number == TRIES - 1 or wait_s > LONGEST_WAIT_S:
                break
            time.sleep(wait_s)
        if reply.status_code == 204:
            return {}
        try:
            value = reply.json()
        except ValueError:
            value = None
        if not reply.ok or not isinstance(value, dict):
            raise _fault(self.url, reply.status_code, value)
        return value


def _wait_s(reply: Any) -> float:
    told = str(reply.headers.get("retry-after", ""))
    return float(told) if told.isascii() and told.isdigit() else 1.0


def _fault(url: str, status: int, value: Any) -> AttuneError:
    """What a refusal means, with the exit code that the same has on one machine."""
    error = value.get("error") if isinstance(value, dict) else None
    said = error.get("message") if isinstance(error, dict) else None
    if said is None:
        return NotReadyError(f"{url} does not answer as Attune does (status {status}).")
    kinds = {401: AccessError, 403: AccessError, 429: NotReadyError, 502: ProviderError,
             503: NotReadyError}  # fmt: skip
    return kinds.get(status, InputError)(f"{url}: {said}")


def remote() -> Remote | None:
    """The server that the settings name, or None if commands work on this machine."""
    from app import settings

    found = settings.load()
    return Remote(found.url, found.key.get_secret_value()) if found.url else None


def ask(
    there: Remote, question: str, named: dict[str, list[str]], *, deeper: bool, as_json: bool
) -> int:
    """Ask the server, and print its answer with the sources."""
    body: dict[str, Any] = {name: values for name, values in named.items() if values}
    body |= {"question": question, **({"deeper": True} if deeper else {})}
    told = there.call("POST", "/ask", json=body)
    code = ProviderError.exit_code if told.get("kind") == "error" else 0
    if as_json:
        emit_json(told)
        return code
    typer.secho(LABELS.get(str(told.get("kind")), "Answer"), bold=True)
    typer.echo(told["answer"])
    if told.get("note"):
        typer.secho(str(told["note"]), fg="yellow")
    for one in told["citations"]:
        page = f"page {one['page']}" if one.get("page") else ""
        place = ", ".join(part for part in (page, one.get("heading") or "") if part)
        typer.echo(f"\n[{one['number']}] {one['title']}  {place}".rstrip())
    typer.secho(f"\nversion {told['model']} at {there.url}", dim=True)
    return code


def list_documents(there: Remote, search: str, collection: str | None, *, as_json: bool) -> None:
    """Print the newest documents that the key reaches."""
    found = there.call("GET", "/documents", params={"limit": MOST_LISTED})["documents"]
    listed = [
        one for one in found
        if search.lower() in str(one["title"]).lower() and collection in (None, one["collection"])
    ]  # fmt: skip
    if as_json:
        emit_json({"documents": listed})
        return
    for one in listed:
        status = typer.style(one["status"], fg=COLOUR.get(one["status"]))
        reason = f"  {one['reason']}" if one.get("reason") else ""
        typer.echo(f"{one['id']:>6}  {status}  {one['title']}  ({one['collection']}){reason}")
    if not listed:
        typer.echo("No documents.")


def show_document(there: Remote, document_id: int, *, as_json: bool) -> None:
    """Print what the server tells of one document."""
    told = there.call("GET", f"/documents/{document_id}")
    if as_json:
        emit_json(told)
        return
    for name, value in told.items():
        if value not in (None, "", []):
            typer.echo(f"{name:12} {value}")


def delete_documents(there: Remote, ids: Sequence[int], *, yes: bool, as_json: bool) -> None:
    """Delete documents after a yes."""
    found = [there.call("GET", f"/documents/{number}") for number in ids]
    if not yes:
        titles = ", ".join(str(one["title"]) for one in found)
        typer.confirm(f"Delete {titles} at {there.url}?", abort=True, err=True)
    for number in ids:
        there.call("DELETE", f"/documents/{number}")
    if as_json:
        emit_json({"deleted": list(ids)})
    else:
        typer.echo(f"Deleted {len(ids)} document(s).")


def ingest(there: Remote, files: Sequence[Path], collection: str) -> Iterator[dict[str, Any]]:
    """
    Send files and wait until each is indexed or has failed.

    :returns: Name, status and reason of each, in the order of the files.
    """
    waiting: list[tuple[str, int]] = []
    taken: set[str] = set()
    for path in files:
        try:
            if path.name in taken:
                raise InputError("another file of this name was sent; it would be replaced")
            taken.add(path.name)
            told = _send(there, path, collection)
        except (AccessError, NotReadyError):
            raise
        except (AttuneError, OSError) as error:
            yield {"name": str(path), "status": "failed", "reason": str(error)}
            continue
        if told["status"] in ("queued", "indexing"):
            waiting.append((str(path), int(told["id"])))
        else:
            yield {"name": str(path), **_outcome(told)}
    for name, document_id in waiting:
        while (told := there.call("GET", f"/documents/{document_id}"))["status"] in (
            "queued", "indexing",
        ):  # fmt: skip
            time.sleep(POLL_S)
        yield {"name": name, **_outcome(told)}


def _send(there: Remote, path: Path, collection: str) -> dict[str, Any]:
    with path.open("rb") as file:
        query = f"?name={quote(path.name)}&collection={quote(collection)}"
        return there.call("POST", f"/documents{query}", data=file, timeout_s=UPLOAD_S)


def _outcome(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told.get(name) for name in ("id", "status", "reason", "warnings", "pages")}


def show_ingest(
    there: Remote,
    files: Sequence[Path],
    failed: Sequence[tuple[Path, str]],
    collection: str,
    *,
    as_json: bool,
) -> bool:
    """Send files, print what became of each, and return whether all are in."""
    listed: list[dict[str, Any]] = [
        {"name": str(path), "status": "failed", "reason": why} for path, why in failed
    ]
    for one in ingest(there, files, collection):
        listed.append(one)
        if not as_json:
            _tell(one)
    if as_json:
        emit_json({"files": listed})
    else:
        for path, why in failed:
            _tell({"name": str(path), "status": "failed", "reason": why})
    return all(one["status"] != "failed" for one in listed)


def _tell(one: dict[str, Any]) -> None:
    status = typer.style(str(one["status"]), fg=COLOUR.get(str(one["status"])))
    reason = f": {one['reason']}" if one.get("reason") else ""
    typer.echo(f"{status}  {one['name']}{reason}")
