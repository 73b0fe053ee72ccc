"""A machine that loses its disk, or never had the files: versions and runs come from the database."""

from __future__ import annotations

import shutil

import httpx
import pytest

from app.actions import fine_tuning, retrain, versions
from app.live import handles
from app.live import replica as following
from app.services import open_services
from app.settings import Settings
from pipelines.embedder import model_files, registry
from pipelines.errors import ArtifactError, GateError, NotReadyError
from pipelines.search import evidence, threshold
from pipelines.search.hybrid import hybrid
from pipelines.store import active, indexes, stored_files
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model
from tests.integration.test_train import seed_file
from tests.serving import serving
from tests.workers import until
from training.pairs import material

REASON = "It is tried out in a test."


@pytest.fixture
def given(dsn, tiny_model):
    """The settings of all machines."""
    return {"DATABASE_URL": dsn, "base_model": str(tiny_model), "device": "cpu"}


@pytest.fixture
def tuned(given, tmp_path):
    """A database whose serving version, v1, was registered by machine one. Returns its sum."""
    with open_services(Settings(home=tmp_path / "one", **given)) as one:
        with one.pool.connection() as conn:
            add_document(conn, one.replica.current(), "one", made.passages(12))
        larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
        made.register(one.pool, larger, "v1", tmp_path / "one" / "models")
        shutil.rmtree(tmp_path / "larger")
        retrain.promote(one, "v1", who="test", override=REASON)
        with one.pool.connection() as conn:
            return registry.find(conn, "v1").manifest_sha256


def forget_stored(opened, sha256):
    with opened.pool.connection() as conn:
        stored_files.remove(conn, sha256)


def test_a_tuned_version_survives_the_loss_of_the_disk(given, tuned, tmp_path):
    """Machine one is gone with its disk. Machine two has an empty home and serves v1."""
    shutil.rmtree(tmp_path / "one")
    with open_services(Settings(home=tmp_path / "two", **given)) as two:
        assert two.replica.current().model_name == "v1"
        assert two.replica.degraded is None
        model_files.verify(tmp_path / "two" / "models" / tuned, tuned)
        with two.pool.connection() as conn:
            assert stored_files.sizes(conn)[tuned] > 10_000


def test_a_part_that_was_changed_in_the_database_is_not_served(given, tuned, tmp_path):
    """What is fetched is compared with the sum that was registered."""
    shutil.rmtree(tmp_path / "one")
    with open_services(Settings(home=tmp_path / "two", **given)) as two:
        with two.pool.connection() as conn:
            conn.execute(
                "update stored_file set content = set_byte(content, 500, 255 - get_byte(content, 500))"
                " where folder = %s and name like '%%model.safetensors'",
                (tuned,),
            )
        with pytest.raises(ArtifactError):
            two.replica.current()
        assert not (tmp_path / "two" / "models" / tuned).exists()


def test_a_version_too_large_for_the_database_is_not_promoted(given, tmp_path):
    """The reason names both settings that help. The base serves on."""
    settings = Settings(home=tmp_path / "one", database_model_mb=0, **given)
    with open_services(settings) as one:
        with one.pool.connection() as conn:
            add_document(conn, one.replica.current(), "one", made.passages(12))
        larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
        made.register(one.pool, larger, "v1", tmp_path / "one" / "models")
        with pytest.raises(GateError, match=r"ATTUNE_ARTEFACTS.*ATTUNE_DATABASE_MODEL_MB"):
            retrain.promote(one, "v1", who="test", override=REASON)
        assert one.replica.refresh().model_name == "base"


def test_a_deleted_version_leaves_nothing_in_the_database(given, tuned, tmp_path):
    with open_services(Settings(home=tmp_path / "one", retention_days=0, **given)) as one:
        versions.roll_back(one, who="test")
        with one.pool.connection() as conn:
            conn.execute("update active set previous_id = null")
            conn.execute("update search_index set served_until = now() - interval '1 day'")
        versions.delete(one, "v1", who="test")
        with one.pool.connection() as conn:
            assert tuned not in stored_files.sizes(conn)


def test_a_server_without_the_files_answers_by_the_version_before(
    given, tuned, tmp_path, monkeypatch
):
    """Questions are answered, writers are refused, and it recovers when the files are back."""
    monkeypatch.setattr(handles, "RETRY_LOAD_S", 0.2)
    monkeypatch.setattr(following, "POLL_S", 0.2)
    kept = tmp_path / "kept"
    (tmp_path / "one" / "models" / tuned).rename(kept)
    with open_services(Settings(home=tmp_path / "two", **given)) as two:
        forget_stored(two, tuned)
        assert two.replica.answering().model_name == "base"
        assert "is missing" in two.replica.degraded
        with two.replica.question() as handle:
            assert two.answerer.ask(made.passages(12)[3], handle=handle).citations
        with pytest.raises(ArtifactError):
            two.replica.refresh()
        two.replica.start()
        assert two.replica.answering().model_name == "base"
        kept.rename(tmp_path / "one" / "models" / tuned)
        until(lambda: two.replica.degraded is None)
        assert two.replica.answering().model_name == "v1"


def test_words_alone_answer_where_no_version_can_be_loaded(given, tuned, tmp_path):
    """The vectors of another encoder are not touched, and what is not there is not found."""
    shutil.rmtree(tmp_path / "one")
    with open_services(Settings(home=tmp_path / "two", **given)) as two:
        forget_stored(two, tuned)
        with two.pool.connection() as conn:
            before = active.get(conn)
            conn.execute("update active set previous_id = null")
            indexes.mark(conn, before.previous_id, "retired")
        handle = two.replica.answering()
        assert handle.words_only
        vector = handle.encoder.encode_queries(["anything"])[0]
        with two.pool.connection() as conn:
            wanted = made.passages(12)[5]
            hits = hybrid(conn, handle, wanted, vector, 3)
            assert hits[0].text.startswith(wanted)
            assert threshold.fit(conn, handle, evidence.weigh(wanted, hits), hits) >= 1
            other = "Which quantum gyroscopes were photographed?"
            assert threshold.fit(conn, handle, evidence.weigh(other, hits), hits) < 1


@pytest.mark.long
def test_a_run_is_executed_by_a_machine_with_a_home_of_its_own(given, tmp_path):
    """Inputs travel through the database, the version back, and what travelled is removed."""
    with open_services(Settings(home=tmp_path / "one", **given)) as one:
        chosen = fine_tuning.options(one, method="adapter", max_steps=4, batch_size=8)
        run_id = fine_tuning.create(one, "base", material.material(seed_file(), None), chosen)
        with open_services(Settings(home=tmp_path / "two", **given)) as two:
            model = fine_tuning.train(two, run_id)
        shutil.rmtree(tmp_path / "two")
        assert retrain.build(one, model.name).model_name == model.name
        with one.pool.connection() as conn:
            assert stored_files.run_folder(run_id) not in stored_files.sizes(conn)


def test_a_run_that_is_nowhere_is_told(given, tmp_path):
    with open_services(Settings(home=tmp_path / "one", **given)) as one:
        chosen = fine_tuning.options(one, method="adapter", batch_size=8)
        run_id = fine_tuning.create(one, "base", material.material(seed_file(), None), chosen)
        with one.pool.connection() as conn:
            stored_files.remove(conn, stored_files.run_folder(run_id))
        shutil.rmtree(tmp_path / "one" / "runs")
        with pytest.raises(NotReadyError, match="are not in"):
            fine_tuning.train(one, run_id)


@pytest.mark.long
def test_a_degraded_server_starts_and_says_so(given, tuned, tmp_path, dsn, tiny_model):
    """A real server: ready, with the alarm in its metrics and the banner's reason in its log."""
    shutil.rmtree(tmp_path / "one")
    with open_services(Settings(home=tmp_path / "two", **given)) as two:
        forget_stored(two, tuned)
    with serving(DATABASE_URL=dsn, ATTUNE_BASE_MODEL=str(tiny_model), ATTUNE_DEVICE="cpu") as there:
        assert httpx.get(f"{there.url}/readyz", timeout=60).json() == {
            "status": "ready",
            "degraded": True,
        }
        assert "attune_degraded 1.0" in httpx.get(f"{there.url}/metrics", timeout=60).text
        assert "the serving version is not loaded, base answers" in there.log
