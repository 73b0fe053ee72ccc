"""What is made of people's questions, and what the admin's screens read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipelines.embedder.loading import EncoderOptions
from pipelines.errors import ConflictError, GateError, InputError
from pipelines.store import (
    chats,
    document_pages,
    evaluations,
    feedback,
    overview,
    pair_review,
    pairs,
    votes,
    wrong_passages,
)
from pipelines.store.evaluations import QuestionRow
from pipelines.store.pair_review import Filter
from pipelines.versions import first
from tests.corpus import add_document
from tests.versions import load_handle
from training.evaluation.figures import voted
from training.finetune.options import TrainOptions
from training.finetune.rundir import RunDir, RunSettings
from training.pairs import collect, collector, quality, stored, teach
from training.pairs.collect import MOST_PER_VISITOR
from training.pairs.teach import Lesson

PLACES = ["Lisbon", "Porto", "Madrid"]
ASK = "How many ships are registered in {}?"


def passage(place: str) -> str:
    return (
        f"The register of {place} lists all ships of {place}, as its harbour master counted them."
        f" There were {len(place)}00 of them in 2021, and those of {place} alone pay no toll."
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


def chunk_of(pool, place):
    with pool.connection() as conn:
        return conn.execute("select id from chunk where text = %s", (passage(place),)).fetchone()[0]


def ask(pool, place, *, visitor="anna", kind="extracts", vote=None, question=None):
    """Store an answer in a conversation of the visitor and return its id."""
    with pool.connection() as conn:
        conversation = chats.start(conn, visitor, place)
        chats.add(conn, conversation, role="user", text=question or ASK.format(place))
        shown = chats.Shown(
            1, 1, chunk_of(pool, place), f"{place}.txt", 1, None, passage(place), None, 1.0, True
        )
        timings = {"embed": 10.0, "sql": 30.0}
        message = chats.add(
            conn, conversation, role="assistant", text="Many [1].", kind=kind, shown=[shown],
            timings_ms=timings,
        )  # fmt: skip
        if vote:
            votes.store(conn, visitor, message, vote, "so it is")
    return message


def lesson(pool, place, message, *, visitor="anna", question=None):
    return Lesson(message, visitor, question or ASK.format(place), [chunk_of(pool, place)])


def test_a_question_becomes_a_pair_on_the_side_that_was_chosen(pool, handle):
    """It is accepted at once, because a person decided. The visitor and the person are stored."""
    message = ask(pool, "Porto")
    assert teach.teach(pool, handle, lesson(pool, "Porto", message), "heldout", who="edda") == 1
    with pool.connection() as conn:
        (pair,) = pairs.select(conn)
    assert (pair.split, pair.status, pair.generator) == ("heldout", "accepted", "feedback")
    assert (pair.message_id, pair.visitor, pair.reviewed_by) == (message, "anna", "edda")


def test_a_passage_stays_on_its_side(pool, handle):
    """What judges cannot be learned from, and nothing is stored when that is asked for."""
    message = ask(pool, "Porto")
    teach.teach(pool, handle, lesson(pool, "Porto", message), "heldout", who="edda")
    other = lesson(pool, "Porto", message, question="What do ships of Porto pay as a toll?")
    with pytest.raises(GateError, match="to judge on already"):
        teach.teach(pool, handle, other, "train", who="edda")
    with pytest.raises(ConflictError, match="already"):
        teach.teach(pool, handle, lesson(pool, "Porto", message), "heldout", who="edda")
    with pool.connection() as conn:
        assert len(pairs.select(conn)) == 1


def test_an_unfit_question_is_refused_with_the_reason(pool, handle):
    """The checks of other pairs apply here too."""
    message = ask(pool, "Porto")
    unfit = lesson(pool, "Porto", message, question="What does this passage say?")
    with pytest.raises(InputError, match="leans on its passage"):
        teach.teach(pool, handle, unfit, "train", who="edda")
    with pytest.raises(InputError, match="Mark a source first"):
        teach.teach(pool, handle, Lesson(message, "anna", ASK, []), "train", who="edda")


def test_a_wrong_passage_is_kept_beside_its_question(pool, handle):
    """It is not a pair. It is stored with the question's sum."""
    message = ask(pool, "Porto")
    wrong = Lesson(message, "anna", ASK.format("Porto"), [chunk_of(pool, "Madrid")])
    assert teach.teach(pool, handle, wrong, "wrong", who="edda") == 1
    with pool.connection() as conn:
        stored = conn.execute("select question_sha256, passage from wrong_passage").fetchall()
        assert pairs.select(conn) == []
    assert stored == [(quality.digest(ASK.format("Porto")), passage("Madrid"))]
    with pytest.raises(ConflictError):
        teach.teach(pool, handle, wrong, "wrong", who="edda")


def wrong_items(pool):
    with pool.connection() as conn:
        return [item for item in pair_review.select(conn) if item.wrong]


def test_a_readers_mark_reaches_training_after_review(pool, handle, tmp_path):
    """
    A reader marks a source as wrong. It waits for review, where it is accepted. Then it is a wrong
    passage of the question's pair in the run folder, and in the corpus to search.
    """
    message = ask(pool, "Porto")
    with pool.connection() as conn:
        feedback.mark(conn, message, chunk_of(pool, "Madrid"), "wrong", who="anna", by_admin=False)
    for place in ("Porto", "Lisbon"):
        asked = message if place == "Porto" else ask(pool, place)
        teach.teach(pool, handle, lesson(pool, place, asked), "train", who="edda")
    assert collect.collect_wrong(pool) == 1
    assert collect.collect_wrong(pool) == 0, "nothing is collected twice"
    (item,) = wrong_items(pool)
    assert (item.status, item.reason) == ("review", wrong_passages.MARKED)
    with pool.connection() as conn:
        assert stored.material(conn).wrong == 0, "a mark alone teaches nothing"
        teach.decide(conn, item.id, "accepted", who="edda")
        found = stored.material(conn)
    assert found.wrong == 1
    folder = RunDir(tmp_path / "run")
    folder.write_inputs(
        RunSettings("1", "", "base", "", TrainOptions()), found.corpus, found.train, found.heldout
    )
    (asked,) = [q for q in folder.read_questions(folder.train) if q.wrong]
    corpus = folder.read_corpus()
    assert asked.text == ASK.format("Porto")
    assert [corpus[name] for name in asked.wrong] == [passage("Madrid")]
    assert [corpus[name] for name in asked.passages] == [passage("Porto")]


def test_a_wrong_passage_belongs_to_pairs_of_its_answer_with_an_edited_question(pool, handle):
    message = ask(pool, "Porto")
    edited = lesson(pool, "Porto", message, question="How many vessels does Porto register?")
    teach.teach(pool, handle, edited, "train", who="edda")
    wrong = Lesson(message, "anna", ASK.format("Porto"), [chunk_of(pool, "Madrid")])
    teach.teach(pool, handle, wrong, "wrong", who="edda")
    with pool.connection() as conn:
        (negative,) = wrong_passages.hard_negatives(conn)
    assert negative.question_sha256 == quality.digest("How many vessels does Porto register?")


def test_what_is_accepted_as_right_is_no_negative(pool, handle):
    """It cannot be accepted as wrong, and where it was, it is not used."""
    message = ask(pool, "Porto")
    with pool.connection() as conn:
        feedback.mark(conn, message, chunk_of(pool, "Porto"), "wrong", who="anna", by_admin=False)
    collect.collect_wrong(pool)
    teach.teach(pool, handle, lesson(pool, "Porto", message), "train", who="edda")
    (item,) = wrong_items(pool)
    with pool.connection() as conn:
        with pytest.raises(GateError, match="Reject that pair first"):
            teach.decide(conn, item.id, "accepted", who="edda")
        conn.execute("update wrong_passage set status = 'accepted'")
        assert wrong_passages.hard_negatives(conn) == []


def test_an_admins_mark_overrules_a_readers(pool, handle):
    """What an admin called right is not collected, nor what was rejected before."""
    message, other = ask(pool, "Porto"), ask(pool, "Lisbon")
    madrid = chunk_of(pool, "Madrid")
    with pool.connection() as conn:
        feedback.mark(conn, message, madrid, "wrong", who="anna", by_admin=False)
        feedback.mark(conn, message, madrid, "right", who="edda", by_admin=True)
        feedback.mark(conn, other, madrid, "wrong", who="anna", by_admin=False)
        assert wrong_passages.count_marked(conn) == 1
    assert collect.collect_wrong(pool) == 1
    (item,) = wrong_items(pool)
    with pool.connection() as conn:
        teach.decide(conn, item.id, "rejected", who="edda")
        assert wrong_passages.marked(conn) == []
    wrong = Lesson(other, "anna", ASK.format("Lisbon"), [madrid])
    assert teach.teach(pool, handle, wrong, "wrong", who="edda") == 1, "an admin may change it"
    assert [item.status for item in wrong_items(pool)] == ["accepted"]


def test_wrong_passages_stand_in_one_list_with_pairs(pool, handle):
    """They are numbered, counted and searched together, and go with their document."""
    ask(pool, "Porto", vote="like")
    message = ask(pool, "Lisbon")
    with pool.connection() as conn:
        feedback.mark(conn, message, chunk_of(pool, "Madrid"), "wrong", who="anna", by_admin=False)
    collect.collect_liked(pool, handle)
    collect.collect_wrong(pool)
    with pool.connection() as conn:
        first_one = pair_review.look(conn, Filter())
        second = pair_review.look(conn, Filter(), first_one.pair.id, "next")
        assert [first_one.pair.wrong, second.pair.wrong, second.total] == [False, True, 2]
        assert pair_review.look(conn, Filter(split="heldout"), 0) != second
        counted = {one.kind: one.pairs for one in pair_review.counts(conn)}
        assert counted == {"liked": 1, wrong_passages.KIND: 1}
        assert overview.held(conn, bundled="handbook").review_pairs == 2
        conn.execute("delete from document where title = 'Madrid.txt'")
        pairs.forget_absent(conn)
    assert wrong_items(pool) == []


def test_no_visitor_teaches_more_than_their_share(pool, handle):
    """
    The cap applies to a person's decisions and to collected likes. Other visitors are not affected.
    """
    for n in range(MOST_PER_VISITOR + 5):
        ask(
            pool, "Porto", vote="like", question=f"How many ships had Porto in the year {1900 + n}?"
        )
    ask(pool, "Porto", visitor="ben", vote="like")
    collect.collect_liked(pool, handle)
    with pool.connection() as conn:
        by = [pair.visitor for pair in pairs.select(conn)]
    assert (by.count("anna"), by.count("ben")) == (MOST_PER_VISITOR, 1)
    message = ask(pool, "Lisbon")
    with pytest.raises(GateError, match="thirty days"):
        teach.teach(pool, handle, lesson(pool, "Lisbon", message), "train", who="edda")
    mine = ask(pool, "Lisbon", visitor="ben")
    teach.teach(pool, handle, lesson(pool, "Lisbon", mine, visitor="ben"), "train", who="edda")


def test_likes_leave_out_what_was_marked_wrong(pool, handle):
    """A cited passage that somebody called wrong makes no pair."""
    message = ask(pool, "Porto", vote="like")
    with pool.connection() as conn:
        feedback.mark(conn, message, chunk_of(pool, "Porto"), "wrong", who="edda", by_admin=True)
        assert pairs.liked(conn) == []
        feedback.mark(conn, message, chunk_of(pool, "Porto"), None, who="edda", by_admin=True)
        assert len(pairs.liked(conn)) == 1


def test_questions_are_found_by_what_became_of_them(pool, handle):
    """Not found, liked, disliked or undecided, newest first, without deleted conversations."""
    nothing = ask(pool, "Lisbon", kind="not_found")
    liked, disliked = ask(pool, "Porto", vote="like"), ask(pool, "Madrid", vote="dislike")
    with pool.connection() as conn:

        def ids(which, **given):
            return [row.message_id for row in feedback.page(conn, which, **given)]

        assert ids("all") == [disliked, liked, nothing]
        assert ids("not_found") == [nothing]
        assert ids("liked") == [liked]
        assert ids("waiting") == [disliked, liked]
        assert ids("all", search="porto") == [liked]
        assert feedback.count(conn, "disliked") == 1
        assert feedback.get(conn, liked).shown[0].text == passage("Porto")
    teach.teach(pool, handle, lesson(pool, "Porto", liked), "train", who="edda")
    with pool.connection() as conn:
        assert ids("waiting") == [disliked]
        conn.execute("update conversation set deleted_at = now()")
        assert ids("all") == []


def test_overview_counts_what_there_is(pool, handle):
    """Questions, votes, retrieval time, documents, pairs, and likes that no pair was made of."""
    ask(pool, "Lisbon", kind="not_found")
    ask(pool, "Porto", visitor="ben", vote="like")
    with pool.connection() as conn:
        asked = overview.asked(conn, timedelta(days=1))
        held = overview.held(conn, bundled="handbook")
        assert (asked.questions, asked.visitors, asked.not_found, asked.liked) == (2, 2, 1, 1)
        assert asked.p50_ms == asked.p95_ms == pytest.approx(40)
        assert (held.indexed, held.own, held.chunks, held.train_pairs) == (3, 3, 3, 0)
        assert overview.liked_without_pair(conn) == 1
        assert overview.serving(conn).epoch == 1
        assert overview.since_last_run(conn).last_run is None
        assert overview.failed_jobs(conn, timedelta(days=7)) == 0


def evaluation(reference, model, outcome):
    names = [{"name": name, "identity": identity} for name, identity in (reference, model)]
    systems = [
        {"model": name, "mode": "hybrid", "figures": {"hit@5": 0.9, "mrr@10": 0.7}}
        for name, _ in (reference, model)
    ]
    verdict = {"model": model[0], "outcome": outcome, "sentence": f"{model[0]}: {outcome}"}
    return {
        "dataset": {"questions": 40}, "models": names, "systems": systems, "verdicts": [verdict],
    }  # fmt: skip


def test_overview_knows_the_newest_figures(pool, handle):
    """Those of the version that serves."""
    with pool.connection() as conn:
        serving = overview.serving(conn)
        conn.execute(
            "insert into model (name, base, kind, dimension, manifest_sha256)"
            " values ('v1', 'base', 'full', 32, 'sum-of-v1')"
        )
        for outcome in ("worse", "better"):
            figures = evaluation(("base", serving.identity), ("v1", "sum-of-v1"), outcome)
            evaluations.add(
                conn, dataset="corpus", dataset_sha256="x", verdict="",
                models=[serving.identity, "sum-of-v1"], figures=figures, questions=[],
            )  # fmt: skip
        figures = overview.figures_of(conn, serving.identity)
        assert (figures.questions, figures.hit5, figures.mrr) == (40, 0.9, 0.7)


def test_votes_tell_what_they_moved(pool, handle):
    """Only figures of people's own held-out questions."""
    message = ask(pool, "Porto")
    teach.teach(pool, handle, lesson(pool, "Porto", message), "heldout", who="edda")
    with pool.connection() as conn:
        wanted = feedback.heldout_questions(conn)

    def row(question, before, after):
        ranks = {"base, hybrid": {"rank": before}, "v1, hybrid": {"rank": after}}
        return QuestionRow(question, False, [], ranks)

    rows = [row(ASK.format("Porto"), 2, 1), row("Somebody else's?", 1, None)]
    figures = {"models": [{"name": "base"}, {"name": "v1"}]}
    (found,) = voted.moved(figures, rows, wanted)
    assert (found.questions, found.before, found.after) == (1, 0.5, 1.0)
    assert "1 held-out question" in found.sentence
    assert "+0.500" in found.sentence
    assert voted.moved(figures, rows, []) == []


def test_pairs_are_gone_through_one_by_one(pool, handle):
    """Forwards and backwards, by filter. At an end the pair stays, and a decision removes it."""
    for place in PLACES:
        ask(pool, place, vote="like")
    collect.collect_liked(pool, handle)
    with pool.connection() as conn:
        first = pair_review.look(conn, Filter())
        assert (first.number, first.total) == (1, 3)
        second = pair_review.look(conn, Filter(), first.pair.id, "next")
        third = pair_review.look(conn, Filter(), second.pair.id, "next")
        assert pair_review.look(conn, Filter(), third.pair.id, "next").pair == third.pair
        assert pair_review.look(conn, Filter(), second.pair.id, "before").pair == first.pair
        assert pair_review.look(conn, Filter(search="madrid")).total == 1
        teach.decide(conn, second.pair.id, "accepted", who="edda", question=" Edited  question? ")
        assert pair_review.look(conn, Filter(), second.pair.id, "here").pair == third.pair
        kept = pair_review.get(conn, second.pair.id)
        assert (kept.question, kept.status, kept.reviewed_by) == (
            "Edited question?", "accepted", "edda",
        )  # fmt: skip
        with pytest.raises(InputError, match="empty"):
            teach.decide(conn, first.pair.id, "accepted", who="edda", question="  ")
        assert pair_review.look(conn, Filter(status="rejected")) is None


def test_a_pair_whose_passage_is_on_the_other_side_cannot_be_accepted(pool, handle):
    """The sides stay separate, whoever decides."""
    message = ask(pool, "Porto")
    teach.teach(pool, handle, lesson(pool, "Porto", message), "heldout", who="edda")
    with pool.connection() as conn:
        conn.execute("update pair set status = 'rejected', reason = %s", (collector.OTHER_SIDE,))
        (pair,) = pairs.select(conn)
        with pytest.raises(GateError, match="other side"):
            teach.decide(conn, pair.id, "accepted", who="edda")


def test_documents_come_by_the_page_with_their_passages(pool, handle):
    """Search, status and order work. The windows are those of the serving version."""
    with pool.connection() as conn:
        assert [row.title for row in document_pages.page(conn, order="title")] == [
            "Lisbon.txt", "Madrid.txt", "Porto.txt",
        ]  # fmt: skip
        assert document_pages.count(conn, search="PORTO") == 1
        assert document_pages.count(conn, statuses=["failed"]) == 0
        (row,) = document_pages.page(conn, search="porto", limit=1)
        (found,) = document_pages.passages(conn, row.id)
        assert found.text == passage("Porto")
        assert found.windows[0][0] == 0
        assert found.windows[-1][1] <= len(found.text)
        assert document_pages.ended(conn, [row.id]) == 1
