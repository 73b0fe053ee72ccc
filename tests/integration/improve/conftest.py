"""Services to be improved, training that takes no time, and verdicts as a test sets them."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.actions import evaluating
from app.actions.improve import action
from app.services import open_services
from app.settings import Settings
from pipelines.progress import NO_TASK, Progress
from pipelines.store import models, runs
from training import run
from training.evaluation.candidates import identity


@contextmanager
def opened(dsn, tiny_model, home, **chosen):
    given = {
        "home": home, "DATABASE_URL": dsn, "base_model": str(tiny_model), "device": "cpu",
        "window_tokens": 64, "window_stride": 48, "threads": 1,
    }  # fmt: skip
    with open_services(Settings(**given, **chosen)) as services:
        yield services


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    with opened(dsn, tiny_model, tmp_path) as found:
        yield found


@pytest.fixture
def by_vectors(dsn, tiny_model, tmp_path):
    """Searches by vectors alone, so that training has something to gain."""
    with opened(dsn, tiny_model, tmp_path, lexical_weight=0.0) as found:
        yield found


@pytest.fixture
def trained(services, larger_model, monkeypatch):
    """Training takes no time: a run makes a version of other random weights. Counts the runs."""
    done = []

    def execute(pool, folders, run_id, machine, task):
        with pool.connection() as conn:
            row = runs.get(conn, run_id)
            if row.model_id is not None:
                return models.get(conn, row.model_id)
        done.append(run_id)
        folder = folders.run(run_id)
        shutil.copytree(larger_model, folder.model)
        folder.result.write_text(json.dumps({"dimension": 48, "steps": 1}))
        return run._model(pool, run._register(pool, folders, run_id))

    monkeypatch.setattr(run, "execute", execute)
    return done


REPORTS = {}


@pytest.fixture
def judged(monkeypatch):
    """
    The comparison's outcome as a test sets it, with a count of the comparisons. There is always
    enough to gain.

    All tests compare the same two models on the same questions, so one comparison is done for all.
    """
    done = []
    real = evaluating.evaluate
    monkeypatch.setattr(action, "FEWEST_TO_GAIN", 0)

    def evaluate(services, chosen, names, to_build="", task=NO_TASK):
        for step in ("loading", "indexing", "figures"):
            task.tell(Progress(f"{names[0]}: {step}"))
            task.check()
        key = (chosen.sha256, *names)
        if key not in REPORTS:
            REPORTS[key] = real(services, chosen, names)
        if len(names) == 1:
            return REPORTS[key]
        done.append(names)
        report = REPORTS[key]
        (verdict,) = report.verdicts
        with services.pool.connection() as conn:
            candidate = identity(models.by_name(conn, names[1]))  # its card names its run
        return replace(
            report,
            verdicts=(replace(verdict, outcome=judged_as[0]),),
            models=(report.models[0], replace(report.models[1], identity=candidate)),
        )

    judged_as = ["no proof yet"]
    monkeypatch.setattr(evaluating, "evaluate", evaluate)
    return judged_as, done


@pytest.fixture
def attune(dsn, tiny_model, tmp_path, monkeypatch, run_command):
    """
    Runs a command in this process on the test's database.

    :returns: Exit code, stdout and stderr.
    """
    given = {
        "DATABASE_URL": dsn, "ATTUNE_HOME": str(tmp_path), "ATTUNE_BASE_MODEL": str(tiny_model),
        "ATTUNE_DEVICE": "cpu", "ATTUNE_THREADS": "1",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    return run_command
