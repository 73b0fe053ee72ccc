"""When a version's accelerated twin is built, and that running servers take it up."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from app.actions import retrain, twins, versions
from app.live.replica import Replica
from app.worker import upkeep
from pipelines.embedder import build_twin, cpu_twin, loading, registry
from pipelines.embedder.cpu_twin import AcceleratedEncoder, TwinReport
from pipelines.embedder.local import LocalEncoder
from pipelines.progress import Task
from pipelines.store import models
from tests import versions as made
from tests.fakes import build_tiny_model
from tests.workers import until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not loading.accelerates(loading.EncoderOptions(cache=None)), reason="no x86 CPU embeds here"
    ),
]


@pytest.fixture
def services(dsn, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(twins, "LEAST_DIMENSION", 1)
    with made.opened(dsn, tiny_model, tmp_path, 60) as opened:
        yield opened


def model(services, name):
    with services.pool.connection() as conn:
        return registry.find(conn, name)


def test_a_small_library_gets_its_twin_once_nothing_comes_in(services, monkeypatch):
    """A running server answers with it too, and nobody builds it a second time."""
    other = Replica(services.pool, services.options)
    assert isinstance(other.current().encoder, LocalEncoder)
    other.start()
    try:
        assert not upkeep.wanted(services)  # a document came in just now
        monkeypatch.setattr(twins, "PAUSE", timedelta(0))
        monkeypatch.setattr(twins, "LEAST_WINDOWS", 1000)
        assert not upkeep.wanted(services)
        monkeypatch.setattr(twins, "LEAST_WINDOWS", 5)
        monkeypatch.setattr(twins, "LEAST_DIMENSION", 1000)
        assert not upkeep.wanted(services)
        monkeypatch.setattr(twins, "LEAST_DIMENSION", 1)
        assert upkeep.wanted(services)
        assert upkeep.run(services)["twin_built"] == "base"
        assert not upkeep.wanted(services)
        assert isinstance(services.replica.current().encoder, AcceleratedEncoder)
        until(lambda: isinstance(other.current().encoder, AcceleratedEncoder))
    finally:
        other.stop()


def test_a_version_is_built_with_its_twin_and_deleted_with_it(services, tmp_path, monkeypatch):
    """Only where there are enough windows, and a model large enough, to be worth it."""
    larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
    made.register(services.pool, larger, "v1", tmp_path / "models")
    told = []
    twins.before_build(services, model(services, "v1"), Task(told.append))
    assert not told
    monkeypatch.setattr(twins, "WORTH_WINDOWS", 5)
    with monkeypatch.context() as small:
        small.setattr(twins, "LEAST_DIMENSION", 1000)
        twins.before_build(services, model(services, "v1"), Task(told.append))
        assert not told
    stages = []
    handle = retrain.build(services, "v1", Task(lambda progress: stages.append(progress.stage)))
    assert isinstance(handle.encoder, AcceleratedEncoder)
    assert stages.index("loading") < stages.index("accelerating")
    tuned = model(services, "v1")
    twin = cpu_twin.folder_for(services.options.cache, tuned.manifest_sha256)
    assert cpu_twin.read_verdict(twin).usable
    versions.delete(services, "v1", who="eve")
    assert not twin.exists()
    with services.pool.connection() as conn:
        assert models.by_name(conn, "v1") is None


def test_a_twin_is_built_again_when_there_is_much_more_to_judge_it_by(services, monkeypatch):
    """Twice as much at least, and none for a model that could not be converted."""
    base = model(services, "base")
    found = TwinReport(True, "", questions=40 * build_twin.QUESTIONS_PER_TEXT)
    monkeypatch.setattr(cpu_twin, "read_verdict", lambda _: found)
    assert not loading.lacks_twin(base, services.options, 79)
    assert loading.lacks_twin(base, services.options, 80)
    found = TwinReport(True, "", questions=200 * build_twin.QUESTIONS_PER_TEXT)
    assert not loading.lacks_twin(base, services.options, 100_000)
    found = TwinReport(False, "conversion failed")
    assert not loading.lacks_twin(base, services.options, 100_000)


def test_a_conversion_that_is_killed_is_not_tried_for_ever(tmp_path, tiny_model, monkeypatch):
    """What became of it is recorded where the next one looks."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    verdict = build_twin.build_in_child(tiny_model, tmp_path / "twin", ["a text"])
    assert not verdict.usable
    assert cpu_twin.read_verdict(tmp_path / "twin") == verdict
