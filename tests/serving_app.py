"""The application in this process, and clients that are anonymous, signed in, or pretend to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.auth import COOKIE, Way
from app.server import create_app
from app.settings import Settings
from app.wiring import Services, open_services

BASE = "http://127.0.0.1:7860"
LOCAL = ("127.0.0.1", 50000)


@dataclass
class Running:
    """An application that has started."""

    app: FastAPI
    services: Services

    def client(self, *, address: tuple[str, int] = LOCAL, **headers: str) -> TestClient:
        """A browser of its own; redirects are shown, not followed."""
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
    secret = {"database_url": SecretStr(dsn)}
    secret |= {name: SecretStr(value) for name, value in settings.items() if "password" in name}
    config = Settings(home=home, base_model=str(model)).model_copy(update={**settings, **secret})
    with open_services(config, pool_size=4) as services:
        app = create_app(services)
        with TestClient(app, base_url=BASE):
            yield Running(app, services)
