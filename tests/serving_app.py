"""The application in this process, with clients that are anonymous, signed in, or pretend to be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.access.auth import COOKIE
from app.access.policy import Way
from app.services import Services, open_services
from app.settings import Settings
from app.watchdog.launch import listen
from app.web.app import create_app

BASE = "http://127.0.0.1:7860"
LOOPBACK = ("127.0.0.1", 0)
LOCAL = ("127.0.0.1", 50000)


@dataclass
class Running:
    """A started application."""

    app: FastAPI
    services: Services

    def client(self, *, address: tuple[str, int] = LOCAL, **headers: str) -> TestClient:
        """A separate browser that does not follow redirects."""
        return TestClient(
            self.app, base_url=BASE, client=address, headers=headers, follow_redirects=False
        )

    def signed_in(self, way: Way, who: str) -> TestClient:
        """A browser with a session."""
        client = self.client()
        client.cookies.set(COOKIE, self.app.state.access.start(way, who))
        return client


@contextmanager
def running(dsn: str, model: Path, home: Path, **settings: Any) -> Iterator[Running]:
    """The application on a test's database."""
    with open_services(_settings(dsn, model, home, settings), pool_size=4) as services:
        app = create_app(services)
        with TestClient(app, base_url=BASE):
            yield Running(app, services)


def forget_everything(services: Services) -> None:
    """
    Delete all documents, conversations, jobs and counts, for the next test on the same application.

    To make another application takes longer than most tests that ask it something.
    """
    with services.pool.connection() as conn:
        conn.execute(
            "truncate document, conversation, usage_count, procrastinate.procrastinate_jobs cascade"
        )


@dataclass
class Listening:
    """An application that listens on a port."""

    app: FastAPI
    services: Services
    url: str

    def client(self, cookie: str = "", **headers: str) -> httpx.Client:
        """A client with a session's cookie, or with the credentials for one."""
        cookies = {COOKIE: cookie} if cookie else {}
        return httpx.Client(base_url=self.url, cookies=cookies, headers=headers, timeout=30)


@contextmanager
def listening(dsn: str, model: Path, home: Path, **settings: Any) -> Iterator[Listening]:
    """The application behind a real server, for clients that send requests at the same time."""
    config = _settings(dsn, model, home, settings)
    with open_services(config, pool_size=8) as services, listen(*LOOPBACK) as bound:
        app = create_app(services)
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_level="warning", timeout_graceful_shutdown=1, proxy_headers=False
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield Listening(app, services, f"http://127.0.0.1:{bound.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


def _settings(dsn: str, model: Path, home: Path, settings: dict[str, Any]) -> Settings:
    secret = {"database_url": SecretStr(dsn)}
    secret |= {name: SecretStr(value) for name, value in settings.items() if "password" in name}
    config = Settings(home=home, base_model=str(model))
    return config.model_copy(update={**settings, **secret})
