"""Which kind of place an address names, and the reader of that kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from app.actions.sources import secrets
from app.actions.sources.secrets import Login
from app.services import Services
from app.settings import Settings
from pipelines.errors import AccessError, InputError
from pipelines.indexing.sources import remote, repository
from pipelines.indexing.sources.entries import SourceReader
from pipelines.indexing.sources.folder import FolderReader
from pipelines.indexing.sources.git import GitReader
from pipelines.indexing.sources.guard import NetworkGuard, parse_networks
from pipelines.indexing.sources.remote import RemoteReader
from pipelines.indexing.sources.repository import Repository
from pipelines.indexing.sources.web import links
from pipelines.indexing.sources.web.fetch import Bounds, Fetcher
from pipelines.indexing.sources.web.site import SiteReader
from pipelines.store.sources import FollowedSource

Kind = Literal["folder", "repository", "website", "files"]
WEB = ("http://", "https://")
# At these, OWNER/NAME is a repository, and nobody means its page.
HOSTS = ("github.com", "gitlab.com", "codeberg.org")
# Of a token alone, GitHub and GitLab take any user.
TOKEN_USER = "x-access-token"


def kind_of(address: str) -> Kind:
    """
    The kind of place that an address names.

    :raises InputError: There is none with such an address.
    """
    bare = address.partition("#")[0]
    if address.startswith(("git+", "ssh://")) or repository.is_short(bare):
        return "repository"
    if address.startswith(WEB):
        parts = urlsplit(bare)
        names = [part for part in parts.path.split("/") if part]
        is_repository = bare.endswith(".git") or (parts.hostname in HOSTS and len(names) == 2)
        return "repository" if is_repository else "website"
    if "://" in address:
        remote.protocol_of(address)
        return "files"
    return "folder"


def normal(address: str) -> tuple[str, Login]:
    """
    An address in one way of writing, so that the same place is one source.

    :returns: Without the user and the password that stand in it, and these.
    :raises InputError: It is none.
    """
    text, login = _without_login(address.strip())
    if not text:
        raise InputError("The address of the source is empty.")
    match kind_of(text):
        case "website":
            if (found := links.normal(text)) is None:
                raise InputError(f"{text} is no address of a website.")
            return found, login
        case "repository":
            Repository.parse(text)
            return text, login
        case "files":
            return text.rstrip("/"), login
    return str(Path(text).expanduser().resolve()), login


def check(settings: Settings, address: str, *, by_operator: bool) -> None:
    """
    Refuse a new source that cannot be one.

    :param by_operator: Whether somebody at a terminal of this machine asks. Others choose among the
        folders of `ATTUNE_SOURCE_FOLDERS`.
    :raises InputError: A folder is not there.
    :raises AccessError: A folder, or repository on this machine, is not among those.
    """
    kind = kind_of(address)
    if kind == "repository" and Repository.parse(address).scheme == "file" and not by_operator:
        raise AccessError("A repository on this machine is added with: attune sync")
    if kind != "folder":
        return
    if not by_operator and not _is_allowed(settings, Path(address)):
        raise AccessError(
            "Folders of the server are added with attune sync on the server, or here if they lie in"
            " one that ATTUNE_SOURCE_FOLDERS names."
        )
    if not Path(address).is_dir():
        raise InputError(f"{address} is not there, or is no folder.")


@contextmanager
def open_reader(services: Services, source: FollowedSource) -> Iterator[SourceReader]:
    """The reader of a source. What it stores meanwhile is removed at the end."""
    with services.pool.connection() as conn:
        login = secrets.find(conn, services.settings, source.id)
    reader = _reader(services.settings, source, login)
    try:
        yield reader
    finally:
        reader.close()


def _reader(settings: Settings, source: FollowedSource, login: Login) -> SourceReader:
    kind, address, networks = kind_of(source.address), source.address, guard(settings)
    if kind == "folder":
        return FolderReader(Path(address))
    if kind == "files":
        return RemoteReader(
            address,
            networks,
            user=login.user,
            password=login.password,
            most_mb=settings.source_mb,
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    if kind == "repository":
        named = Login(login.user or TOKEN_USER, login.password)
        return GitReader(
            address,
            networks,
            settings.home,
            login=named.header,
            before=source.mark,
            most_mb=settings.source_mb,
            most_minutes=settings.source_minutes,
        )
    fetcher = Fetcher(networks, bounds(settings), links.origin(address), login.header)
    return SiteReader(address, fetcher, settings.home)


def guard(settings: Settings) -> NetworkGuard:
    """What decides which machines may be reached."""
    return NetworkGuard(parse_networks(settings.source_networks))


def bounds(settings: Settings) -> Bounds:
    """What reading a website may take."""
    return Bounds(
        pages=settings.source_pages,
        page_mb=settings.max_upload_mb,
        total_mb=settings.source_mb,
        minutes=settings.source_minutes,
        depth=settings.source_depth,
        delay_s=settings.source_delay_s,
    )


def _is_allowed(settings: Settings, folder: Path) -> bool:
    allowed = [Path(part.strip()) for part in settings.source_folders.split(",") if part.strip()]
    return any(folder.resolve().is_relative_to(one.expanduser().resolve()) for one in allowed)


def _without_login(address: str) -> tuple[str, Login]:
    """Take a password out of an address, with its user. A user alone stays."""
    if "://" not in address:
        return address, Login()
    try:
        parts = urlsplit(address)
        user, password = parts.username or "", parts.password
    except ValueError:
        return address, Login()
    if password is None:
        return address, Login()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, Login(unquote(user), unquote(password))
