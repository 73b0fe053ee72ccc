"""A process that builds, promotes and rolls back on command with the app's own functions."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection as Pipe
from typing import TYPE_CHECKING, Literal

import psycopg

from app.actions import retrain, versions
from app.services import Services, open_services
from pipelines.embedder import registry
from pipelines.errors import AttuneError, ConflictError
from pipelines.progress import Task
from pipelines.search import opening
from pipelines.store import indexes
from pipelines.store.active import Active
from pipelines.versions import switch
from tests.chaos import controls
from tests.chaos.journal import Journal
from tests.chaos.server import stop_at_sigterm

if TYPE_CHECKING:
    from tests.chaos.site import Site

# Background work gives way to questions.
NICE = 10
REASON = "promoted to test the swap, not for its figures"
Outcome = Literal["done", "lost", "refused", "cut off", "fault"]


@dataclass(frozen=True)
class Order:
    """
    A command. ``promote`` does everything that a person starts, from the build on.

    ``prove`` and ``switch`` are its last steps alone, with and without the proof, at the moment
    `at`.
    """

    what: Literal["build", "prepare", "promote", "rollback", "prove", "switch"]
    version: str = ""
    expected_epoch: int = 0
    at: float = 0.0
    how: str = ""


@dataclass(frozen=True)
class Told:
    """The outcome of a command, with the `epoch` if it set one."""

    outcome: Outcome
    began: float
    ended: float
    epoch: int | None = None
    reason: str = ""


def administer(site: Site, name: str, pipe: Pipe) -> None:
    """Carry out commands from the pipe until it closes."""
    stopping = stop_at_sigterm()
    os.nice(NICE)
    journal = Journal(site.journals, name)
    parent = parent_process()
    while True:
        try:
            with open_services(site.settings(), pool_size=4) as services:
                pipe.send("ready")
                while not stopping.is_set() and (parent is None or parent.is_alive()):
                    if pipe.poll(0.5):
                        pipe.send(_carry_out(services, pipe.recv(), journal, name, pipe.send))
                return
        except EOFError:
            return
        except (psycopg.OperationalError, AttuneError):
            time.sleep(0.2)  # the database is down at the start


def _carry_out(
    services: Services, order: Order, journal: Journal, name: str, tell: Callable[[str], None]
) -> Told:
    began = time.monotonic()
    try:
        with controls.altered(order.how, tell, journal.note):
            after = _do(services, order, name, tell)
    except ConflictError as error:
        return Told("lost", began, time.monotonic(), reason=str(error))
    except AttuneError as error:
        return Told("refused", began, time.monotonic(), reason=str(error))
    except psycopg.OperationalError as error:
        return Told("cut off", began, time.monotonic(), reason=f"{type(error).__name__}: {error}")
    except Exception:
        return Told("fault", began, time.monotonic(), reason=traceback.format_exc())
    return Told("done", began, time.monotonic(), None if after is None else after.epoch)


def _do(services: Services, order: Order, name: str, tell: Callable[[str], None]) -> Active | None:
    if order.what == "rollback":
        return versions.roll_back(services, who=name)
    if order.what == "build":
        retrain.build(services, order.version, Task(lambda told: tell(told.stage)))
        return None
    if order.what == "prepare":
        versions.prepare(services, order.version)
        return None
    if order.what == "promote":
        return retrain.promote(
            services,
            order.version,
            who=name,
            override=REASON,
            task=Task(lambda told: tell(told.stage)),
        )
    with services.pool.connection() as conn:
        model = registry.find(conn, order.version)
        index = indexes.of_model(conn, model.id)
        assert index is not None
        handle = services.replica.held(index.id) or opening.load_index(
            conn, index.id, services.options
        )
    time.sleep(max(0.0, order.at - time.monotonic()))
    act = switch.promote if order.what == "prove" else switch.roll_back
    return act(services.pool, handle, order.expected_epoch, name)
