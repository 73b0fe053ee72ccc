"""Ctrl-C ends a command within seconds, whatever it waits for."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.serving import ATTUNE, Served

pytestmark = pytest.mark.long

# Too little for the faster encoder to be built first, a minute of embedding with one thread.
TEXT = "\n\n".join(
    f"Island {n} has {n % 7} quokkas, a lamp and a harbour." * 20 for n in range(280)
)


def test_taking_files_in_ends_at_ctrl_c_and_leaves_no_process():
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        home, text = Path(folder) / "home", Path(folder) / "islands.txt"
        home.mkdir()
        text.write_text(TEXT)
        process = subprocess.Popen(
            [ATTUNE, "ingest", text],
            env=Served(home).environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # In a background shell the signal is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            deadline = time.monotonic() + 120
            while not _reader(process.pid):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            time.sleep(8)  # read by now, and being embedded
            children = _reader(process.pid)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 130
            assert "0 indexed, 0 unchanged, 0 failed" in out
            assert "Interrupted: 1 file is not in." in err
            assert str(text) in err
            assert not [child for child in children if child.is_running()]
            listed = subprocess.run(
                [ATTUNE, "documents", "list", "--json"],
                env=Served(home).environment, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert json.loads(listed.stdout) == {"documents": []}
        finally:
            process.kill()
            process.wait()


def _reader(pid: int) -> list[psutil.Process]:
    """
    The process that reads files. Helper processes of the database may appear and end meanwhile.
    """
    found = []
    for child in psutil.Process(pid).children():
        with suppress(psutil.Error):
            if "convert import serve" in str(child.cmdline()):
                found.append(child)
    return found
