"""
The web process from start to stop: database, handbook, pages, browser.

`app.watchdog.launch` starts and watches it, and owns the socket that it listens on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import webbrowser
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from urllib.parse import urlsplit

import psycopg

from app.access.auth import Access
from app.access.policy import policy_of
from app.actions import versions
from app.actions.backup import keeping
from app.handbook import index_handbook
from app.log import start_log
from app.services import Services, open_services
from app.settings import Settings, has_desktop
from app.tracing import start_tracing
from app.watchdog.heartbeat import UNWATCHED, Heartbeat
from pipelines.store import active
from pipelines.system.first_use import FIRST_USE

# A browser opened at start uses its link at once. Other users could read it in the process list.
BROWSER_LINK_LIFETIME = timedelta(minutes=2)
# Answers end at the signal and are stored. The connection of an open tab would never end.
GRACE_S = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Door:
    """
    How this process is reached, as `app.watchdog.launch` passes it.

    :param listening: Also open in the parent, so it outlives this process.
    :param open_browser: None opens one on a desktop only.
    :param again: This process replaces one that was already announced.
    """

    listening: socket.socket
    url: str
    open_browser: bool | None = None
    again: bool = False


def run(settings: Settings, door: Door, heartbeat: Heartbeat = UNWATCHED) -> None:
    """Serve until a signal ends it."""
    start_log(settings)
    start_tracing(settings, "web")
    policy_of(settings)  # refuses to start if sign-in is only partly configured
    keeping.restore_into_empty(settings)
    with open_services(settings) as services:
        services.replica.answering()
        heartbeat.tell("step reading the handbook")
        index_handbook(services)
        services.replica.address = door.url
        services.replica.start()
        heartbeat.tell("open")
        heartbeat.tell("step building the pages")
        _serve(services, door, heartbeat)


def _serve(services: Services, door: Door, heartbeat: Heartbeat) -> None:
    import uvicorn

    with FIRST_USE:  # the replica's threads load what they need meanwhile
        from app.web.app import create_app

        app = create_app(services, door.listening.getsockname()[0])

    class Server(uvicorn.Server):
        """Reports when it serves, and stops running answers as soon as the signal comes."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.looping = asyncio.create_task(heartbeat.keep_looping())
            heartbeat.tell("ready")
            if door.again:
                print(f"Attune is ready again at {door.url}", flush=True)
                return
            # Opening a browser may block, so it is not done in the event loop.
            announce = threading.Thread(
                target=_announce,
                args=(app.state.access, door.url, door.open_browser),
                daemon=True,
            )
            announce.start()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.stops.stop_all()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=False,  # the guard reads them
        server_header=False,
    )
    warming = threading.Thread(target=_warm, args=(services,), daemon=True, name="warm")
    warming.start()
    Server(config).run(sockets=[door.listening])


def _warm(services: Services) -> None:
    """
    Do imports and the encoder's first pass, so that the first question need not wait for them.

    A version that serves since before its files were shared is shared now.
    """
    services.answerer.warm(services.llms.grant().llm)
    services.replica.answering().read("warm up")
    with services.pool.connection() as conn:
        model = active.serving(conn).model
    try:
        versions.share(services, model)
    except psycopg.Error as error:
        log.warning("%s is not shared yet: %s", model.name, error)


def _announce(access: Access, shown: str, open_browser: bool | None) -> None:
    """Print the address and open a browser, signed in where one-time links are allowed."""
    from app.access.login import LOOPBACK

    desktop = has_desktop()
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
