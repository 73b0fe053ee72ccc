"""Evaluations from file to report, on a real database with models that load in milliseconds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psycopg
import pytest

from bench import retrieval_check
from pipelines.embedder.batches import Watched
from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import InputError, ProviderError
from pipelines.progress import Progress, Stopped, Task
from pipelines.store import evaluations
from pipelines.store.db import Pool
from pipelines.store.scratch import PREFIX, scratch_database
from pipelines.versions import first
from tests.fakes import ScriptedLLM, build_tiny_model, scripted_llm
from tests.versions import load_handle
from training.evaluation import candidates, dataset, gate, metrics, rankings
from training.evaluation.candidates import Surroundings
from training.evaluation.dataset import Dataset
from training.evaluation.evaluate import evaluate, forget
from training.evaluation.examine import Candidate
from training.evaluation.figures import report, stored_report
from training.evaluation.figures.comparison import BM25, WORDS, EvaluationReport
from training.evaluation.rankings import Rules
from training.run import Folders

RULES = Rules(size_tokens=64, stride_tokens=48, lexical_weight=0.0)
CITIES = [
    "Lisbon",
    "Porto",
    "Madrid",
    "Seville",
    "Paris",
    "Lyon",
    "Berlin",
    "Hamburg",
    "Vienna",
    "Graz",
    "Prague",
    "Brno",
    "Warsaw",
    "Gdansk",
    "Rome",
    "Milan",
    "Athens",
    "Patras",
    "Dublin",
    "Cork",
]
ATTACK = "<script>alert('x')</script>"


def _write_questions(path: Path) -> Path:
    """Write twenty questions, one per city. One passage contains markup."""
    corpus = {
        f"p{i}": f"The archive of {city} keeps {i + 3} maps of the harbour and letters. {ATTACK}"
        for i, city in enumerate(CITIES)
    }
    queries = {
        f"q{i}": f"How many maps does the archive of {city} keep?" for i, city in enumerate(CITIES)
    }
    queries["q0"] = f"How many maps does this section count for Lisbon? {ATTACK}"
    relevant = {f"q{i}": [f"p{i}"] for i in range(len(CITIES))}
    path.write_text(json.dumps({"queries": queries, "corpus": corpus, "relevant_docs": relevant}))
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Dataset:
    return dataset.of_file(_write_questions(tmp_path / "cities.json"))


@pytest.fixture(scope="session")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("second_model"), seed=1)


def _candidate(name: str, folder: Path, **more: object) -> Candidate:
    def load() -> LocalEncoder:
        return LocalEncoder(folder, device="cpu", threads=1)

    return Candidate(name, f"sha-{name}", "base", RULES, load, **more)


def _scratch_databases(dsn: str) -> set[str]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        rows = conn.execute("select datname from pg_database").fetchall()
    return {name for (name,) in rows if name.startswith(PREFIX)}


@pytest.fixture
def compared(
    dsn: str, questions: Dataset, tiny_model: Path, second_model: Path
) -> EvaluationReport:
    return evaluate(
        dsn,
        questions,
        [_candidate("base", tiny_model), _candidate("v1", second_model)],
        beside={"published": ("hit@5", 0.5)},
        whole=True,
    )


def test_from_questions_to_a_stored_report(
    compared: EvaluationReport, questions: Dataset, dsn: str, pool: Pool, tmp_path: Path
):
    """All systems side by side, stored, judged by the gate, and written as a page that escapes."""
    assert [system.name for system in compared.systems] == [
        BM25, WORDS, "base, hybrid", "base, windows", "base, whole passages",
        "v1, hybrid", "v1, windows", "v1, whole passages",
    ]  # fmt: skip
    for system in (BM25, WORDS):  # each city's name is in one passage alone
        assert compared.system(system).figures["hit@1"] == 1
    assert compared.dataset.leaning == 1
    assert compared.general.figures.keys() == {"base", "v1"}
    assert _scratch_databases(dsn) == set()

    with pool.connection() as conn:
        evaluation_id = stored_report.store(conn, compared)
        stored = evaluations.latest_of(conn, "sha-v1", "sha-base")
        assert stored is not None
        assert stored.id == evaluation_id
        assert evaluations.get(conn, evaluation_id) == evaluations.list_all(conn)[0] == stored
        assert evaluations.latest_of(conn, "sha-v1", "sha-v1") is None
        rows = evaluations.questions_of(conn, evaluation_id)
    assert [row.question for row in rows] == list(questions.queries.values())
    assert rows[3].results[BM25]["rank"] == 1
    assert rows[3].results[BM25]["top"][0][0] == "p3"
    decided = gate.decide(stored.figures, "sha-v1", "sha-base")
    assert decided.allowed is (compared.verdicts[0].outcome != "worse")

    html, data = report.write(tmp_path / "out", compared, questions)
    page = html.read_text()
    assert ATTACK not in page
    assert "&lt;script&gt;" in page
    # This model's vectors, random and all of the score, rank worse than the words would.
    assert "its words alone rank better than the whole search of base" in page
    assert not re.search(r"(src|href|url)\s*[=(]", page)  # needs nothing from elsewhere
    assert json.loads(data.read_text())["verdict"] == compared.verdict


def test_whole_passages_have_the_figures_of_the_evaluator(questions: Dataset, tiny_model: Path):
    """Ours, from its predictions, are the ones it computes itself."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    ranked = rankings.by_whole_passages(
        LocalEncoder(tiny_model, device="cpu", threads=1), questions
    )
    ours = metrics.averages(
        metrics.per_question(ranked, questions.relevant), [True] * len(questions.queries)
    )
    evaluator = InformationRetrievalEvaluator(
        dict(questions.queries),
        dict(questions.corpus),
        {name: set(passages) for name, passages in questions.relevant.items()},
        write_csv=False,
    )
    theirs = evaluator(SentenceTransformer(str(tiny_model), device="cpu"))
    assert ours["mrr@10"] == pytest.approx(theirs["cosine_mrr@10"])
    assert ours["ndcg@10"] == pytest.approx(theirs["cosine_ndcg@10"])
    assert ours["hit@5"] == pytest.approx(theirs["cosine_accuracy@5"])


def test_the_check_of_the_retrieval_stems_each_set_by_its_language(
    dsn: str, tiny_model: Path, tmp_path: Path
):
    """German questions in the singular find the plural by its German stem."""
    nouns = {"Häuser": "Haus", "Bäume": "Baum", "Bücher": "Buch", "Türme": "Turm"}
    questions = dataset.of_passages(
        "german",
        {one: f"Welches {one}?" for one in nouns.values()},
        {many: f"Von hier aus sieht man noch die {many} am Rande der Stadt." for many in nouns},
        {one: [many] for many, one in nouns.items()},
        dict.fromkeys(nouns, "de"),
    )
    options = EncoderOptions(cache=tmp_path, device="cpu", threads=1)
    with scratch_database(dsn) as pool:
        with pool.connection() as conn:
            first.ensure_first(conn, str(tiny_model), options, size=64, stride=48, lexical_weight=1)
            handle = load_handle(conn, options)
        replica = SimpleNamespace(current=lambda: handle)
        checked = retrieval_check.check(SimpleNamespace(pool=pool, replica=replica), questions)
    assert checked.figures("words")["hit@1"] == checked.figures("BM25")["hit@1"] == 1


def test_questions_that_a_model_was_trained_on_are_refused(
    dsn: str, questions: Dataset, tiny_model: Path
):
    seen = {metrics.fingerprint(questions.queries["q5"].upper())}
    with pytest.raises(InputError, match="trained on 1 of the 20"):
        evaluate(dsn, questions, [_candidate("base", tiny_model, trained_on=seen)])


def test_a_failed_evaluation_leaves_no_database(dsn: str, questions: Dataset, tiny_model: Path):
    def broken() -> LocalEncoder:
        encoder = LocalEncoder(tiny_model, device="cpu", threads=1)
        encoder.encode_queries = lambda texts: 1 / 0
        return encoder

    with pytest.raises(ZeroDivisionError):
        evaluate(dsn, questions, [Candidate("base", "x", "base", RULES, broken)])
    assert _scratch_databases(dsn) == set()


HOLDER = """
import sys, time
from pipelines.store.scratch import scratch_database
with scratch_database(sys.argv[1]) as pool:
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("place", ["indexing", "searching: hybrid", "whole passages"])
def test_a_stopped_evaluation_leaves_no_database(
    dsn: str, questions: Dataset, tiny_model: Path, place: str
):
    """The stop is heard wherever it is: before texts are embedded, or between questions."""
    steps: list[str] = []
    with pytest.raises(Stopped):
        evaluate(
            dsn,
            questions,
            [_candidate("base", tiny_model)],
            whole=True,
            task=Task(
                lambda told: steps.append(told.stage.removeprefix("base: ")),
                lambda: place in steps,
            ),
        )
    assert steps[-1] == place
    assert _scratch_databases(dsn) == set()


def test_whole_passages_are_ranked_only_if_asked(
    dsn: str, questions: Dataset, tiny_model: Path, second_model: Path
):
    """They take a quarter of the time of the rest. All else is there without them."""
    told: list[Progress] = []
    models = [_candidate("base", tiny_model), _candidate("v1", second_model)]
    found = evaluate(dsn, questions, models, task=Task(told.append))
    assert [system.name for system in found.systems] == [
        BM25, WORDS, "base, hybrid", "base, windows", "v1, hybrid", "v1, windows",
    ]  # fmt: skip
    assert found.verdicts[0].outcome
    assert not any("whole" in step.stage for step in told)
    assert [step.done for step in told] == sorted(step.done for step in told)


@pytest.mark.long
def test_an_evaluation_that_was_cut_off_goes_on(
    dsn: str, questions: Dataset, tiny_model: Path, second_model: Path, tmp_path: Path
):
    """
    The second attempt loads the first model no more and comes to the same figures, its bar begins
    where the other ended, and what was kept goes with the report.
    """
    told: list[Progress] = []
    loaded: list[str] = []

    def candidate(name: str, folder: Path) -> Candidate:
        def load() -> LocalEncoder:
            loaded.append(name)
            return LocalEncoder(folder, device="cpu", threads=1)

        return Candidate(name, f"sha-{name}", "base", RULES, load)

    models = [candidate("base", tiny_model), candidate("v1", second_model)]
    kept = tmp_path / "kept"
    with pytest.raises(Stopped):
        evaluate(
            dsn,
            questions,
            models,
            whole=True,
            kept=kept,
            task=Task(told.append, lambda: bool(told) and told[-1].stage == "v1: whole passages"),
        )
    assert loaded == ["base", "v1"]
    reached = told[-1].done
    told.clear()
    found = evaluate(dsn, questions, models, whole=True, kept=kept, task=Task(told.append))
    assert loaded == ["base", "v1", "v1"]
    assert next(at for at in told if at.stage == "v1: whole passages").done >= reached
    assert [at.done for at in told] == sorted(at.done for at in told)
    at_once = evaluate(dsn, questions, models, whole=True)
    assert found.systems == at_once.systems
    assert found.general == at_once.general

    # A file that a crash left half written is found again, and nothing else.
    loaded.clear()
    path = next(kept.glob("*.general*"))
    path.write_text("{")
    again = evaluate(dsn, questions, models, kept=kept)
    assert len(loaded) == 1
    assert (again.general, again.models) == (found.general, found.models)
    forget(kept, found)
    assert list(kept.iterdir()) == []


def test_texts_are_counted_while_they_are_embedded(tiny_model: Path):
    """Vectors come in the order of their texts, though the longest are embedded first."""
    texts = [" ".join(["ba ce di"] * (1 + i % 7)) + f" {i}" for i in range(300)]
    encoder = LocalEncoder(tiny_model, device="cpu", threads=1)
    told: list[tuple[int, int]] = []
    watched = Watched(encoder, Task(lambda at: told.append((at.done, at.total))))
    found = watched.encode_documents(texts)
    assert np.allclose(found, encoder.encode_documents(texts), atol=1e-5)
    assert told[-1] == (300, 300)
    assert len(told) > 1


def test_a_killed_evaluation_is_cleaned_up_by_the_next_and_a_living_one_left_alone(dsn: str):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, dsn], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        (left,) = _scratch_databases(dsn)
        with scratch_database(dsn):
            assert left in _scratch_databases(dsn)
        holder.kill()
        holder.wait()
    for _ in range(50):  # the server notices a client's death in its own time
        with scratch_database(dsn):
            if left not in _scratch_databases(dsn):
                break
    assert _scratch_databases(dsn) == set()


def _around(home: Path, url: str) -> Surroundings:
    options = EncoderOptions(home / "cache", "cpu", 1, "key", url)
    return Surroundings(RULES, options, Folders.under(home))


def _of_api(pool: Pool, home: Path, api: ScriptedLLM) -> Candidate:
    with pool.connection() as conn:
        return candidates.resolve(conn, "openai:other-model", _around(home, api.url))


def test_paid_embeddings_are_bought_once(dsn: str, pool: Pool, questions: Dataset, tmp_path: Path):
    """A vector's length comes from the endpoint. A second evaluation requests nothing."""
    with scripted_llm() as api:
        api.script = [lambda call: call.embed(64)]
        first = evaluate(dsn, questions, [_of_api(pool, tmp_path, api)]).models[0]
        asked = len(api.requests)
        again = evaluate(dsn, questions, [_of_api(pool, tmp_path, api)]).models[0]
    assert first.identity == "openai:other-model"
    assert first.dimension == 64
    assert first.tokens_paid is not None
    assert first.tokens_paid > 200
    assert first.dollars is None  # nobody told its price
    texts = [text for body in api.requests for text in body["input"] if text != "dimension"]
    assert len(texts) == len(set(texts))
    # What is left is to ask the new client's endpoint how long its vectors are.
    assert [body["input"] for body in api.requests[asked:]] == [["dimension"]]
    assert again.texts_from_cache > 40


def test_a_provider_that_fails_ends_in_one_sentence(
    dsn: str, pool: Pool, questions: Dataset, tmp_path: Path
):
    with scripted_llm() as api:
        api.script = [lambda call: call.fail(401, "invalid_api_key")]
        with pytest.raises(ProviderError, match="other-model"):
            evaluate(dsn, questions, [_of_api(pool, tmp_path, api)])
    assert _scratch_databases(dsn) == set()


def test_the_command_prints_one_object_and_keeps_the_report(
    dsn: str, tiny_model: Path, tmp_path: Path, monkeypatch, run_command
):
    """`attune evaluate --json`: its figures, and a report where it says."""
    given = {
        "DATABASE_URL": dsn, "ATTUNE_HOME": str(tmp_path / "home"),
        "ATTUNE_BASE_MODEL": str(tiny_model), "ATTUNE_DEVICE": "cpu",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code, out, err = run_command(
        "evaluate", "--dataset", str(_write_questions(tmp_path / "cities.json")),
        "--models", str(tiny_model), "--beside", "ada-002=0.871",
        "--out", str(tmp_path / "out"), "--json",
    )  # fmt: skip
    assert code in (0, None), err
    shown = json.loads(out)
    assert shown["beside"] == {"ada-002": ["hit@5", 0.871]}
    assert "questions" not in shown
    assert "ada-002" in Path(shown["report"]).read_text()
