"""
What in a unit speaks for it or against it as an answer: it tells of other things, or of nothing. Pure.

The question's years and codes are compared where the question is (`asked`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipelines.answering.extracts import kinds
from pipelines.answering.extracts.units import Unit, label, values
from pipelines.search import counting, evidence
from pipelines.search.evidence import holds
from pipelines.store.hits import Hit
from pipelines.text.german import parts
from pipelines.text.stop_words import is_stop_word
from pipelines.text.terms import plain_terms, terms


def is_of_them(question: str, names: Sequence[str], unit: Unit, hit: Hit) -> bool:
    """
    Whether a passage names what is counted and what an amount is for, and that of a row everybody
    who is asked for.
    """
    whole = f"{hit.title.replace('_', ' ')} {hit.heading or ''} {hit.text}"
    thing = counting.counted(question)
    if thing is not None and not evidence.names_it(thing, whole, hit.language):
        return False
    per = counting.rate(question)
    if per is not None and not evidence.names_it(per, whole, hit.language):
        return False
    return unit.kind != "row" or all(holds(whole, name) for name in names)


def tells_no_time(question: str, unit: Unit) -> bool:
    """Whether a day, date or time is asked for by its name, and a unit and its headings tell none."""
    if kinds.DATED.search(question) is None:
        return False
    columns = " ".join(name for name, _ in unit.cells)
    return kinds.DATE.search(f"{unit.text} {columns} {unit.about} {unit.around}") is None


def is_mail_head(question: str, unit: Unit, hit: Hit) -> bool:
    """Whether a unit says who wrote a mail and when, where nothing of mails is asked for."""
    return (
        unit.kind == "field"
        and kinds.MAIL_LINE.match(unit.text) is not None
        and kinds.MAIL_SUBJECT.search(hit.text) is not None
        and kinds.OF_MAILS.search(question) is None
    )


def looks_other(question: str, unit: Unit, hit: Hit) -> bool:
    """Whether a unit holds no address, colour, weight, price or age, where that is asked for."""
    columns = " ".join(name for name, _ in unit.cells)
    said = f"{unit.about} {unit.text} {columns} {hit.title} {hit.at(unit.span[0])[1] or ''}"
    if unit.kind == "row":  # what its figures are of may stand above the table
        said += hit.text
    return any(asks.search(question) and not holds.search(said) for asks, holds in kinds.LOOKS)


def names_another(question: str, unit: Unit, hit: Hit) -> bool:
    """
    Whether a label is that of another thing: *motor boat* where a rowing boat is asked for.

    The question's word for it stands nowhere in the passage.
    """
    held = [term for term in terms(label(unit), hit.language) if not evidence.is_common(term)]
    asked = terms(question, hit.language)
    if len(held) < 2 or unit.kind not in ("row", "field") or set(held) <= set(asked):
        return False
    before = next((b for b, word in pairwise(asked) if word == held[-1]), None)
    if before is None or evidence.is_common(before) or before in held:
        return False
    return before not in terms(f"{hit.text} {hit.title}", hit.language)


def is_in_order(question: str, unit: Unit) -> bool:
    """Whether a unit tells of the first, the last or the next, as the question does."""
    said = f"{unit.heading} {unit.text} {' '.join(name for name, _ in unit.cells)}"
    return any(rule.search(question) and rule.search(said) for rule in kinds.ORDERS)


def strange_words(question: str, heading: str) -> int:
    """The number of words of a heading that the question does not have."""
    asked = set(terms(question, "en"))
    return sum(t not in asked and not is_stop_word(t) for t in set(terms(heading, "en")[:8]))


def counts_another(question: str, unit: Unit, hit: Hit) -> bool:
    """Whether a unit names nothing of what is counted: the *spaces* of "How many spaces"."""
    thing = counting.counted(question)
    if thing is None:
        return False
    columns = " ".join(name for name, _ in unit.cells)
    counted_in = parts(thing.casefold())[-1:] if hit.language == "de" else ()
    if any(counting.is_unit(part) for part in counted_in):  # the days of "Urlaubstage"
        held = plain_terms(f"{unit.text} {columns}", hit.language)
        if not set(plain_terms(counted_in[0], hit.language)) & set(held):
            return True
    said = f"{unit.text} {columns} {unit.about} {unit.around} {hit.title} {hit.heading or ''}"
    return not evidence.names_it(thing, said, hit.language)


def is_echo(question: str, unit: Unit, hit: Hit, *, wants_number: bool = False) -> bool:
    """
    Whether a unit says nothing that the question and its heading do not.

    *Date: 27 March 2023* says nothing new where something else of March 2023 is asked for.

    :param wants_number: A date or a figure is asked for.
    """
    asked = set(terms(f"{question} {unit.heading}", hit.language))
    said = [t for value in values(unit) for t in terms(value, hit.language)]
    new = [t for t in said if t not in asked and not is_stop_word(t)]
    is_known_date = (
        unit.kind == "field"
        and not wants_number
        and len(new) < len(said)
        and set(kinds.WORD.findall(values(unit)[0])) <= kinds.CALENDAR
    )
    return is_known_date or not new
