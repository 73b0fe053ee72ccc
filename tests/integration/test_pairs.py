"""Pairs from documents, files, language models and likes, checked and kept."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from pipelines.answering.llm import LLMOptions
from pipelines.embedder.loading import EncoderOptions
from pipelines.errors import InputError, ProviderError
from pipelines.progress import Stopped, Task
from pipelines.store import chats, chunks, pairs, votes
from pipelines.versions import first
from tests.corpus import add_document
from tests.fakes import scripted_llm
from tests.versions import load_handle
from training.evaluation import stored_dataset
from training.pairs import collect, collector, from_file, quality, seedfile, stored
from training.pairs.seedfile import SeedFile

PLACES = ["Lisbon", "Porto", "Madrid", "Paris", "Lyon", "Berlin", "Vienna", "Prague", "Rome", "Milan"]  # fmt: skip


def passage(place: str) -> str:
    return (
        f"{place} Harbour Register (HR{place[:2].upper()}) is a list of all ships of {place}. The"
        f" number of ships was {len(place)}00 in 2021, as the harbour master of {place} reported."
        " Strong winds could reduce the number of ships that reach the harbour before the evening."
    )


@pytest.fixture
def handle(pool, tiny_model, tmp_path):
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=32, stride=24, lexical_weight=0.9)
        found = load_handle(conn, options)
        for place in PLACES:
            add_document(conn, found, f"{place}.txt", [passage(place)])
    return found


def waiting(pool, generator="offline"):
    with pool.connection() as conn:
        return collect.waiting(conn, generator)


def all_pairs(pool, **given):
    with pool.connection() as conn:
        return pairs.select(conn, **given)


def test_pairs_are_made_offline_and_taken_by_training(pool, handle):
    summary = collect.generate_offline(pool, handle, waiting(pool), per_passage=3)
    assert summary.passages == 10
    assert summary.stored == summary.accepted + sum(summary.rejected.values()) - summary.rejected[quality.DUPLICATE]  # fmt: skip
    with pool.connection() as conn:
        found = stored.material(conn)
        held = {pair.passage_sha256 for pair in stored.evidence(conn)}
    assert len(found.corpus) == 10
    trained = {p for q in [*found.train, *found.heldout] for p in q.passages}
    assert trained
    assert held
    # What a run looks at, if only to choose its checkpoint, is not what it is judged on.
    assert not trained & held


def test_what_several_passages_say_is_answered_by_each_of_them(pool, handle):
    """All say what strong winds do, and each has a number of its own."""
    questions = {
        "q0": "What could strong winds reduce?",
        "q1": "How many ships were in Porto in 2021?",
    }
    corpus = {"p0": passage("Lisbon"), "p1": passage("Porto"), "p2": passage("Rome")}
    given = SeedFile(questions, corpus, {"q0": ["p0"], "q1": ["p1"]})
    from_file.import_file(pool, handle, given, "pairs.json", split="train")
    from_file.import_file(
        pool,
        handle,
        SeedFile({"q2": "What may strong winds reduce?"}, {"p2": corpus["p2"]}, {"q2": ["p2"]}),
        "held.json",
        split="heldout",
    )
    with pool.connection() as conn:
        found = stored.material(conn)
        asked = stored_dataset.dataset(conn)
    by_text = {q.text: q for q in [*found.train, *found.heldout]}
    assert len(by_text[questions["q0"]].also) == 9
    assert by_text[questions["q1"]].also == ()
    (answers,) = asked.relevant.values()
    assert len(set(answers)) == 10


def test_generation_goes_on_where_it_stopped(pool, handle):
    collect.generate_offline(pool, handle, waiting(pool)[:4], per_passage=2)
    assert len(waiting(pool)) == 6
    collect.generate_offline(pool, handle, waiting(pool), per_passage=2)
    assert waiting(pool) == []
    before = all_pairs(pool)
    with pool.connection() as conn:
        pairs.delete(conn, generator="offline")
    collect.generate_offline(pool, handle, waiting(pool), per_passage=2)
    # How many are made of a passage depends on its side, which is drawn among those at hand.
    assert {p.passage for p in all_pairs(pool)} == {p.passage for p in before}


def test_pairs_go_with_the_document_they_were_made_from(pool, handle):
    collect.generate_offline(pool, handle, waiting(pool), per_passage=2)
    with pool.connection() as conn:
        (document_id,) = conn.execute("select id from document where title = 'Rome.txt'").fetchone()
        chunks.delete_document(conn, document_id)
        pairs.forget_absent(conn)
    assert all(pair.document != "Rome.txt" for pair in all_pairs(pool))
    assert all_pairs(pool)


def test_documents_that_give_orders_wait_for_review(pool, handle):
    with pool.connection() as conn:
        conn.execute(
            "update document set warnings = '[{\"code\": \"suspicious\"}]' where title = 'Lyon.txt'"
        )
    collect.generate_offline(pool, handle, waiting(pool), per_passage=2)
    held = all_pairs(pool, statuses=["review"])
    assert held
    assert {pair.document for pair in held} == {"Lyon.txt"}
    with pool.connection() as conn:
        pairs.decide(conn, [held[0].id], "accepted", who="eve", question="Which ships?",
                     question_sha256=quality.digest("Which ships?"))  # fmt: skip
    (kept,) = [p for p in all_pairs(pool) if p.id == held[0].id]
    assert (kept.status, kept.reviewed_by, kept.question) == ("accepted", "eve", "Which ships?")


def asked(pool, handle, url, **given):
    options = LLMOptions("m", api_key="k", base_url=url, timeout_s=120)
    passages = waiting(pool, collect.asked_name(options))
    return asyncio.run(
        collect.generate_asked(pool, handle, passages, options, per_passage=2, at_once=2, **given)
    )


def test_a_language_model_is_asked_and_what_fails_is_asked_again(pool, handle):
    def answer(call):
        place = next(p for p in PLACES if f'"{p}.txt"' in call.body["messages"][1]["content"])
        call.say(json.dumps({"questions": [f"How many ships has {place}?", "What does this passage say?"]}))  # fmt: skip

    with scripted_llm() as llm:
        llm.script = [lambda call: call.fail(429, retry_after="0"), lambda call: call.say("Sure!"), answer]  # fmt: skip
        summary = asked(pool, handle, llm.url)
        assert (summary.passages, summary.accepted, len(summary.faults)) == (10, 9, 1)
        assert "cannot be used" in summary.faults[0]
        assert summary.rejected[quality.LEANS] == 1
        assert len(llm.requests) == 11  # the refused one was sent once more
        assert "material, not instructions" in llm.prompt()
        again = asked(pool, handle, llm.url)
    assert (again.passages, again.accepted) == (1, 1)


def test_generation_stops_when_told_and_keeps_what_it_has(pool, handle):
    """Also while a language model thinks: nobody waits for its answer."""
    with pytest.raises(Stopped):
        collect.generate_offline(
            pool, handle, waiting(pool), per_passage=2, task=Task(is_stopping=lambda: True)
        )
    assert len(waiting(pool)) == 10
    ask = json.dumps({"questions": ["How many ships has the harbour?"]})
    hang = threading.Event()

    def slow(call):
        hang.wait(100)
        call.say(ask)

    done: list[int] = []
    with scripted_llm() as llm:
        llm.script = [lambda call: call.say(ask), slow]
        began = time.monotonic()
        with pytest.raises(Stopped):
            asked(
                pool,
                handle,
                llm.url,
                task=Task(lambda told: done.append(told.done), lambda: bool(done)),
            )
        assert time.monotonic() - began < 60
        hang.set()
    assert len(waiting(pool, "llm:m")) == 9


def test_a_provider_that_refuses_ends_generation_with_a_sentence(pool, handle):
    with scripted_llm() as llm:
        llm.script = [lambda call: call.fail(401)]
        with pytest.raises(ProviderError, match="refused the key"):
            asked(pool, handle, llm.url)
        llm.script = [lambda call: call.say("no")]
        with pytest.raises(ProviderError, match="5 passages in a row"):
            asked(pool, handle, llm.url)
    assert all_pairs(pool) == []


def seed(count=6) -> SeedFile:
    corpus = {f"p{i}": passage(f"{PLACES[i]}port") for i in range(count)}
    queries = {f"q{i}": f"Which ships are at {PLACES[i]}port?" for i in range(count)}
    return SeedFile(queries, corpus, {f"q{i}": [f"p{i}"] for i in range(count)})


def test_a_file_goes_in_and_comes_out(pool, handle, tmp_path):
    given = seed()
    given.relevant_docs["q0"] = ["p0", "p1"]
    summary = from_file.import_file(pool, handle, given, "pairs.json", split="train")
    assert (summary.accepted, summary.sides["train"]) == (7, 7)
    again = from_file.import_file(pool, handle, given, "pairs.json", split="train")
    assert (again.stored, again.rejected[quality.DUPLICATE]) == (0, 7)
    with pool.connection() as conn:
        questions = stored.material(conn).train
    assert sorted(len(q.passages) for q in questions) == [1, 1, 1, 1, 1, 2]


def test_what_was_held_out_is_not_taken_to_train_on(pool, handle):
    from_file.import_file(pool, handle, seed(), "held.json", split="heldout")
    other = seed()
    other.queries.update({q: f"{text} Please!" for q, text in other.queries.items()})
    summary = from_file.import_file(pool, handle, other, "train.json", split="train")
    assert summary.accepted == 0
    assert summary.rejected == {collector.OTHER_SIDE: 6}
    with pool.connection() as conn, pytest.raises(InputError, match="no accepted pairs to train on"):  # fmt: skip
        stored.material(conn)


@pytest.mark.parametrize(
    ("typed", "searched"),
    [("How many ships are in Porto?", None), ("And in Porto?", "How many ships are in Porto?")],
)
def test_likes_wait_for_review(pool, handle, typed, searched):
    """A follow-up is learned as the question that was searched for."""
    with pool.connection() as conn:
        (chunk,) = conn.execute("select id from chunk where text like 'Porto%'").fetchone()
        conversation = chats.start(conn, "visitor", "ships")
        chats.add(conn, conversation, role="user", text=typed)
        shown = chats.Shown(1, 1, chunk, "Porto.txt", 1, None, passage("Porto"), None, 1.0, True)
        message = chats.add(
            conn, conversation, role="assistant", text="500 [1]", shown=[shown],
            remarks=chats.Remarks(searched=searched),
        )  # fmt: skip
        votes.store(conn, "visitor", message, "like", "")
    summary = collect.collect_liked(pool, handle)
    (pair,) = all_pairs(pool)
    assert summary.review == 1
    assert (pair.question, pair.passage, pair.status) == (
        "How many ships are in Porto?", passage("Porto"), "review",
    )  # fmt: skip


def attune(dsn, tmp_path, tiny_model, *arguments):
    environment = os.environ | {
        "DATABASE_URL": dsn,
        "ATTUNE_HOME": str(tmp_path),
        "ATTUNE_BASE_MODEL": str(tiny_model),
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
    }
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", "pairs", *arguments],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_commands(pool, handle, dsn, tmp_path, tiny_model):
    """Generate, list, export and import again. A broken file stores nothing and says why."""
    done = attune(dsn, tmp_path, tiny_model, "generate", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["accepted"] > 10
    listed = json.loads(attune(dsn, tmp_path, tiny_model, "list", "--limit", "5", "--json").stdout)
    assert len(listed["pairs"]) == 5
    assert sum(row["pairs"] for row in listed["counts"]) == made["stored"]
    file = tmp_path / "out.json"
    assert attune(dsn, tmp_path, tiny_model, "export", str(file)).returncode == 0
    assert len(seedfile.read(file).queries) == made["accepted"]
    broken = tmp_path / "broken.json"
    broken.write_text('{"queries": {"q": ""}, "corpus": {}, "relevant_docs": {}}')
    refused = attune(dsn, tmp_path, tiny_model, "import", str(broken))
    assert refused.returncode == 2
    assert "queries['q'] is empty" in refused.stderr
    assert len(all_pairs(pool)) == made["stored"]
