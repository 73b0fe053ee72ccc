"""Questions made from a file's passages, in addition to the given ones."""

from training.pairs import mixing


def test_what_is_held_out_is_left_alone_and_nothing_is_asked_twice():
    """Held-out passages, and others with the same words, get no questions."""
    corpus = {
        name: f"{place} Harbour Register (HR) is a list of all ships of {place}. The number of ships"
        f" was {n}00 in 2021, as the harbour master of {place} reported to the council."
        for n, (name, place) in enumerate({"a": "Lisbon", "b": "Porto", "c": "Madrid"}.items())
    }
    corpus["d"] = corpus["c"].upper()
    made = mixing.questions(corpus, {"c"}, [], 3)
    assert {p for q in made for p in q.passages} == {"a", "b"}
    assert len({q.text for q in made}) == len(made)
    again = mixing.questions(corpus, {"c"}, [made[0].text.upper()], 3)
    assert {q.text for q in again} == {q.text for q in made[1:]}
