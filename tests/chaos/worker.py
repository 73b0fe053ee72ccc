"""The app's own worker, which notices earlier than usual that another one was killed."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from app import queue
from app.worker import process
from app.worker.crew import Timing
from tests.chaos.server import end_with_parent

if TYPE_CHECKING:
    from tests.chaos.site import Site

TIMING = Timing(beat_s=0.5, silent_s=3, rescue_s=0.5, poll_s=0.5, upkeep_s=1, grace_s=2)


def work(site: Site) -> None:
    """Run jobs of documents and indexes until SIGTERM."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        process.run(site.settings(), (queue.DOCUMENTS, queue.INDEX), timing=TIMING)
