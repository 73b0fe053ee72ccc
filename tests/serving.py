"""`attune serve` as a real process, and the browser that visits it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from pipelines.store.embedded import EmbeddedPostgres
from tests import homes, scratch
from tests.homes import Documents
from tests.listening import kill_all

ATTUNE = Path(sys.executable).with_name("attune")
# The shell is the same browser without a window. It starts and loads pages with less work.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
READY = re.compile(r"Attune is ready at (http://\S+)")
LINK = re.compile(r"once: http://[^/]+(/\S+)")
# A stream that a reload, a closed page or the server's end cut off is no fault of the page.
CUT_OFF = (
    "AbortError", "errored out", "ERR_CONNECTION", "ERR_INCOMPLETE", "network error",
    "Failed to fetch", "Cancelled",
    "Unexpected error 404: Not Found",  # what Gradio tells a page that is being left
)  # fmt: skip
DOCS_IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SMALL_BYTES = 150_000


class Served:
    """The server of one data folder, which can be stopped and restarted."""

    def __init__(
        self, home: Path, *, worker: bool = False, port: int = 0, **environment: str
    ) -> None:
        """:param port: 0 takes a free one at each start."""
        self.home = home
        self.url = ""
        self._log = home / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.command = [
            str(ATTUNE), "serve", "--port", str(port), "--no-open",
            f"--{'' if worker else 'no-'}worker",
        ]  # fmt: skip
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept, "ATTUNE_HOME": str(home), "ATTUNE_THREADS": "1", "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1", **environment,
        }  # fmt: skip

    def start(self, *, within_s: float = 180) -> None:
        """Start the server and wait until it reports that it is ready."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := READY.search(self.log):
                self.url = found.group(1)
                return
            time.sleep(0.1)
        raise AssertionError(f"attune serve did not get ready:\n{self.log}")

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection to the server's database, committed at the end."""
        with EmbeddedPostgres(self.home / "db") as server, psycopg.connect(server.dsn) as conn:
            yield conn

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds in the server's database."""
        with self.connection() as conn:
            return conn.execute(query).fetchall()

    def run(self, *arguments: str, within_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command on the same data."""
        return subprocess.run(
            [ATTUNE, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    @property
    def log(self) -> str:
        """The output of the server."""
        return self._log.read_text(errors="replace")

    def link(self, *, within_s: float = 30) -> str:
        """The printed one-time link, as an address that leads to the chat."""
        deadline = time.monotonic() + within_s
        while (found := LINK.search(self.log)) is None:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)
        return f"{found.group(1)}&next=/"

    def children(self) -> list[psutil.Process]:
        """The server's child processes."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children()

    def processes(self) -> list[str]:
        """Command lines of all processes that still use this data folder."""
        lines = (
            " ".join(process.info["cmdline"] or [])
            for process in psutil.process_iter(["cmdline", "status"])
            if process.info["status"] != psutil.STATUS_ZOMBIE
        )
        return [line for line in lines if str(self.home) in line]

    def stop(self, number: int = signal.SIGTERM, *, within_s: float = 90) -> tuple[float, int]:
        """
        Stop the server by a signal. No process that it started may remain.

        :returns: The seconds it took, and the exit code.
        """
        assert self._process is not None
        begun = psutil.Process(self._process.pid).children(recursive=True)
        started = time.monotonic()
        self._process.send_signal(number)
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        seconds = time.monotonic() - started
        deadline = (
            time.monotonic() + 20
        )  # an orphan on its way out takes as long as it gets no core
        while left := [process for process in begun if _lives(process)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
        return seconds, code

    def kill(self) -> None:
        """Send SIGKILL to the server and everything that it started, as if the machine died."""
        assert self._process is not None
        kill_all(self._process)

    @property
    def web_pid(self) -> int:
        """The id of the web process."""
        (pid,) = (child.pid for child in self.children() if "web" in child.cmdline())
        return pid

    @property
    def running(self) -> bool:
        """Whether the server is running."""
        return self._process is not None and self._process.poll() is None


def _lives(process: psutil.Process) -> bool:
    """
    Whether a process is running. Where nothing reaps orphans, ended ones stay listed as zombies.
    """
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def serving(
    *, worker: bool = False, documents: Documents | None = None, **environment: str
) -> Iterator[Served]:
    """
    A started server with its own folder. Without a database of its own, the handbook is read there,
    and the documents.
    """
    home = scratch.folder() if "DATABASE_URL" in environment else homes.ready(documents)
    server = Served(home, worker=worker, **environment)
    try:
        server.start()
        yield server
    finally:
        print(server.log)  # shown where a test fails
        if server.running:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright. Tests are skipped without it."""
    if CHROMIUM is None:
        pytest.skip("browser tests are left out: chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@contextmanager
def visits(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """
    Opens pages of a server, each as a new visitor.

    At the end no page may have contacted another host, or logged an error other than an aborted
    stream.
    """
    contexts, strangers, complaints = [], [], []
    expected = [*CUT_OFF]

    def opened(
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 800,
        expects: Sequence[str] = (),
        **options: Any,
    ) -> Page:
        """:param expects: Words of errors that the test brings about."""
        expected.extend(expects)
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        own = (served.url, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else strangers.append(r.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(served.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert strangers == [], strangers
    faults = [text for text in complaints if not any(word in text for word in expected)]
    assert faults == [], faults


def keep_focus(control: Locator) -> None:
    """
    Focus a control and wait until the focus stays, because a page that is still rendering may move
    it.
    """
    for _ in range(20):
        control.focus()
        control.page.wait_for_timeout(300)
        if control.evaluate("control => control === document.activeElement"):
            return
    raise AssertionError(f"{control} does not keep the focus")


def screenshot(page: Page, path: Path) -> None:
    """A PNG with few colours, small enough for the repository."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, animations="disabled", caret="hide")
    image = Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    assert path.stat().st_size < SMALL_BYTES
