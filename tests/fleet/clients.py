"""Programs that use a fleet through a load balancer, and note what they were told."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from tests.chaos.journal import Journal
from tests.corpus import NOUNS, prose
from tests.fleet.machines import WebMachine

# Longer than a server takes to start: connections wait in its listening socket meanwhile.
PATIENCE_S = 120.0
# All servers may refuse for a moment while one is restarted and another one was killed.
REFUSED_S = 30.0
FEWEST, MOST = 6, 20
PARAGRAPHS = 3
PAGE, LOG = "fleet page", "fleet log"


class CutOffError(Exception):
    """A server ended while it had the request. Its name is the argument."""


class Balancer:
    """
    Sends each request to the server with the fewest under way.

    It tries another server only if the connection was refused, because then nothing was done.
    """

    def __init__(self, webs: Sequence[WebMachine], key: str) -> None:
        self._webs = list(webs)
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self.refused = 0
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {key}"},
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )

    def send(self, method: str, path: str, **given: Any) -> tuple[str, httpx.Response]:
        """
        Send a request.

        :returns: The name of the server that answered, and the answer.
        :raises CutOffError: The connection ended before the answer.
        """
        deadline = time.monotonic() + REFUSED_S
        while True:
            for web in self._order():
                with self._lock:
                    self._under_way[web.name] += 1
                try:
                    return web.name, self._client.request(method, web.url + path, **given)
                except httpx.ConnectError:
                    self.refused += 1
                except httpx.TransportError as error:
                    raise CutOffError(web.name, f"{type(error).__name__}: {error}") from error
                finally:
                    with self._lock:
                        self._under_way[web.name] -= 1
            if time.monotonic() > deadline:
                raise CutOffError("all", "every server refused the connection")
            time.sleep(0.1)

    def _order(self) -> list[WebMachine]:
        with self._lock:
            shuffled = random.sample(self._webs, len(self._webs))
            return sorted(shuffled, key=lambda web: self._under_way[web.name])

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class Asker:
    """Asks one question after another and notes each answer."""

    def __init__(self, balancer: Balancer, journal: Journal, pause_s: float) -> None:
        self._balancer, self._journal, self._pause_s = balancer, journal, pause_s
        self._dice = random.Random()

    def run(self, stopping: threading.Event) -> None:
        """Ask until the event is set."""
        while not stopping.wait(self._pause_s):
            who, what = self._dice.sample(NOUNS, 2)
            self._ask(f"What must the {who} keeper do with the {what}?")

    def _ask(self, question: str) -> None:
        began = time.monotonic()
        facts: dict[str, Any] = {}
        try:
            name, response = self._balancer.send("POST", "/api/v1/ask", json={"question": question})
            if response.status_code == 200:
                told = response.json()
                chosen = ("answer_id", "answer", "epoch", "model")
                facts = {"server": name, **{key: told[key] for key in chosen}}
            else:
                facts = {"server": name, "fault": f"{response.status_code} {response.text[:200]}"}
        except CutOffError as error:
            facts = {"server": error.args[0], "cut": error.args[1]}
        self._journal.note("answer", began=began, question=question, **facts)


class Writer:
    """Adds, replaces and deletes documents, and notes what stands after each step."""

    def __init__(self, balancer: Balancer, journal: Journal, pause_s: float) -> None:
        self._balancer, self._journal, self._pause_s = balancer, journal, pause_s
        self._dice = random.Random("writer")
        self._ids: dict[str, int] = {}
        self._count = 0

    def run(self, stopping: threading.Event) -> None:
        """Write until the event is set."""
        while not stopping.wait(self._pause_s):
            roll = self._dice.random()
            if len(self._ids) < FEWEST or (roll < 0.5 and len(self._ids) < MOST):
                self._count += 1
                self._put(f"{LOG} {self._count}.txt")
            elif roll < 0.75:
                self._put(self._dice.choice(list(self._ids)))
            else:
                self._delete(self._dice.choice(list(self._ids)))

    def begin(self, count: int) -> None:
        """Add documents that stay, so that what is learned from them stays, too."""
        for number in range(1, count + 1):
            self._put(f"{PAGE} {number}.txt", PARAGRAPHS * 4)
        self._ids.clear()

    def _put(self, name: str, paragraphs: int = PARAGRAPHS) -> None:
        content = "\n\n".join(prose(self._dice) for _ in range(paragraphs)).encode()
        told = self._send("POST", "/api/v1/documents", name, params={"name": name}, content=content)
        if told is not None and told.status_code == 201:
            self._ids[name] = told.json()["id"]
            self._journal.note("stands", name=name, sha256=hashlib.sha256(content).hexdigest())

    def _delete(self, name: str) -> None:
        path = f"/api/v1/documents/{self._ids[name]}"
        shown = self._send("GET", path, name)
        # One that waits to be indexed still has an earlier version beside it.
        if shown is None or shown.status_code != 200 or shown.json()["status"] != "indexed":
            return
        told = self._send("DELETE", path, name)
        if told is not None and told.status_code == 204:
            del self._ids[name]
            self._journal.note("stands", name=name, sha256=None)

    def _send(self, method: str, path: str, name: str, **given: Any) -> httpx.Response | None:
        """
        Send a request. What became of one that was cut off is unknown, so the document is left
        alone from then on.
        """
        began = time.monotonic()
        try:
            server, response = self._balancer.send(method, path, **given)
        except CutOffError as error:
            self._ids.pop(name, None)
            server, why = error.args
            self._journal.note("cut", began=began, name=name, server=server, what=method, why=why)
            return None
        if response.status_code >= 400:
            self._ids.pop(name, None)
            fault = f"{method} {path}: {response.status_code} {response.text[:200]}"
            self._journal.note("fault", began=began, name=name, server=server, fault=fault)
        else:
            self._journal.note("done", name=name, server=server, what=method)
        return response
