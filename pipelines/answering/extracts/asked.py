"""
What a question asks for, and whether something can answer it. Pure.

The rules are for English and German, the commonest ones for French and Spanish, too. A unit must
agree with the years, codes and names of the question. Of those that agree, one that holds the kind
of thing asked for (a figure, a date, steps) comes first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from pipelines.answering.extracts import against, kinds, people
from pipelines.answering.extracts import words as words_of
from pipelines.answering.extracts.kinds import Wanted
from pipelines.answering.extracts.units import Unit, label, values
from pipelines.search import counting, evidence
from pipelines.search.evidence import holds, years
from pipelines.store.hits import Hit
from pipelines.text import other_names
from pipelines.text.terms import plain_terms, terms

Groups = list[tuple[frozenset[str], float]]

# How much the kind of thing asked for counts where a unit holds it or not.
HOLDS = 0.12
MEANS = 0.3
STEPS = 0.5
# A list or section whose heading is what is asked for.
HEADED = 0.3
# The least that steps gain where steps are asked for, and their heading has a word of the question.
OPENED = 0.3
# What tells of the first, last or next gains where that is asked for.
ORDERED = 0.12
# What a unit loses for a name or code that its passage holds, and for one that it does not.
NAME_NEAR, NAME_ABSENT = 0.08, 0.3
# What a unit loses for each word of its heading that the question does not have.
OTHER_TOPIC = 0.02
# What an entry of a bibliography loses.
REFERENCE = 0.2
# What a field or row gains by a label that the question names, and by a column.
LABEL, COLUMN = 0.25, 0.1
# What it gains more if the question has every word of the label: *Deposit*, not *Address of the flat*.
WHOLE_LABEL = 0.15
# What a change, or a share of a whole, loses where an amount is asked for.
NOT_AMOUNT = 0.12
# What a few words without an end lose.
FRAGMENT = 0.15
# What a figure of other things loses where things are counted.
NOT_COUNTED = 0.25
# What a word that no passage has weighs of it, if it has other names.
UNKNOWN = 0.8
# What another name for the thing asked for weighs of the question's rarest word.
OTHER_NAME = 0.6


@dataclass(frozen=True)
class Asked:
    """A question with what its answer has to agree with."""

    question: str
    wants: Wanted
    years: frozenset[str]
    codes: tuple[str, ...]
    names: tuple[str, ...]
    _named_in: dict[int, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)
    _groups: dict[int, Groups] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, question: str) -> Asked:
        """Find what the answer to a question has to agree with."""
        wants: Wanted = next((kind for kind, rule in kinds.WANTS if rule.search(question)), "any")
        return cls(
            question, wants, years(question), evidence.codes(question), evidence.names(question)
        )

    @property
    def wants_several(self) -> bool:
        """Whether all of several things are asked for."""
        return self.wants in ("any", "meaning") and bool(kinds.SEVERAL.search(self.question))

    @property
    def which(self) -> bool:
        """Whether one of several is asked for, which a heading with a number may name."""
        return bool(
            re.search(
                r"(?i)\bwhich|\bwelche[rnms]?\b|\bwhat (?:version|section|clause)", self.question
            )
        )

    def is_dated(self, text: str) -> bool:
        """Whether a time is asked for, and a text tells one that is not the question's own."""
        return self.wants == "date" and bool(kinds.DATE.search(words_of.without(text, self.codes)))

    def is_dated_by(self, heading: str) -> bool:
        """Whether a time is asked for, and a heading tells the year: *4.1.2 (9 December 2024)*."""
        return self.is_dated(heading) and bool(evidence.years(heading))

    def groups(self, hit: Hit) -> Groups:
        """
        The question's words as terms of a hit's language, each with other names for it and its
        weight. What the title says already, everything under it is about.
        """
        if hit.chunk_id not in self._groups:
            self._groups[hit.chunk_id] = self._weigh(hit)
        return self._groups[hit.chunk_id]

    def _weigh(self, hit: Hit) -> Groups:
        root = (hit.heading or "").split(" > ")[0] if " > " in (hit.heading or "") else ""
        said = frozenset(terms(f"{hit.title.replace('_', ' ')} {root}", hit.language))
        asked = evidence.names_of(self.question, hit.language)
        found = [
            (names, hit.weights.get(term) or max(hit.weights.get(name, 0.0) for name in names))
            for term, names in asked.items()
            if term not in said and not evidence.asks_with(self.question, term, hit.language)
        ]
        # What is asked with, like "how heavy", is seldom rare or common by chance.
        typical = max((weight for _, weight in found), default=0.0) or 1.0
        # A word that no passage has may stand there by another name.
        found = [(names, weight or UNKNOWN * typical * (len(names) > 1)) for names, weight in found]
        for asking, others in other_names.of_question(self.question):
            own = [t for t in evidence.content(asking, hit.language) if t not in said]
            named = evidence.answering(others, hit.language).union(own)
            found.append((named, OTHER_NAME * typical))
        return found

    def named(self, hit: Hit) -> frozenset[str]:
        """The names of the question that a passage holds: each of its parts is about them."""
        if hit.chunk_id not in self._named_in:
            held = (name for name in self.names if holds(hit.text, name))
            self._named_in[hit.chunk_id] = frozenset(terms(" ".join(held), hit.language))
        return self._named_in[hit.chunk_id]

    def tells(self, words: frozenset[str], hit: Hit) -> bool:
        """
        Whether a row with these words tells something that is asked of the things that the question
        names: of "How long is the guarantee on the Lumen Quiet?" more than *Lumen Quiet*.
        """
        if not self.names or self.wants not in ("figure", "date", "person", "place"):
            return True
        named = frozenset(terms(" ".join(self.names), hit.language))
        others = [group for group, _ in self.groups(hit) if not group & named]
        return not others or any(group & words for group in others)

    def column(self, name: str, hit: Hit) -> dict[frozenset[str], float]:
        """The words of the question that the name of a column has, each with its weight."""
        held = terms(name, hit.language)
        groups = self.groups(hit)
        typical = max((weight for _, weight in groups), default=0.0) or 1.0
        return {
            words: weight or typical
            for words, weight in groups
            if any(words_of.alike(word, term) for word in words for term in held)
        }

    def agrees(self, unit: Unit, hit: Hit) -> bool:
        """
        Whether nothing in a unit speaks against it.

        That is another year or code, another thing, a value of another kind, or a mere echo.
        """
        wants_number = self.wants in ("date", "figure")
        if (
            against.is_echo(self.question, unit, hit, wants_number=wants_number)
            or against.is_mail_head(self.question, unit, hit)
            or against.tells_no_time(self.question, unit)
            or against.looks_other(self.question, unit, hit)
            or against.names_another(self.question, unit, hit)
        ):
            return False
        if not against.is_of_them(self.question, self.names, unit, hit):
            return False
        if (
            self.wants == "person"
            and evidence.role(self.question)
            and not people.named(self.question, unit)
        ):
            return False
        told = words_of.without(" ".join(values(unit)), self.codes)
        if counting.measured(self.question) and not kinds.FIGURE.search(told):
            return False
        if self.years:
            near = years(unit.text) or years(f"{unit.about} {unit.around}")
            held = near or years(hit.title.replace("_", " ")) or years(hit.text)
            if held and not self.years & (held | years(unit.around)):
                return False
        if unit.kind == "sentence" or unit.kind == "section":
            return True
        said = f"{unit.text} {unit.about} {unit.around} {hit.title} {hit.heading or ''}"
        return all(holds(said, code) for code in self.codes)

    def fit(self, unit: Unit, hit: Hit) -> float:
        """How much better or worse a unit is for the kind of thing that is asked for."""
        path = f"{hit.at(unit.span[0]).heading or ''} {unit.about}"
        fit = self._named(unit, hit, path) - OTHER_TOPIC * against.strange_words(
            self.question, unit.heading
        )
        fit += self._labelled(unit, hit) + ORDERED * against.is_in_order(self.question, unit)
        if unit.kind == "sentence" and len(unit.text.split()) < 6 and unit.text[-1:] not in ".!。":
            fit -= FRAGMENT
        if kinds.REFERENCE.search(unit.text) and not kinds.REFERENCE.search(self.question):
            fit -= REFERENCE
        if unit.kind in ("steps", "section", "list"):
            headed = self._headed(unit, hit)
            weight = STEPS if self.wants == "steps" or self.wants_several else HEADED
            if self.wants in ("figure", "date", "meaning") and unit.kind == "section":
                weight = 0.0
            opened = self.wants == "steps" and unit.kind == "steps" and headed > 0
            gain = weight * headed
            if opened and self._holds_rarest(unit, hit):
                gain = max(gain, OPENED)
            return fit + gain - HEADED * (headed < 0.5 and not opened)
        looks = next((holds for asks, holds in kinds.LOOKS if asks.search(self.question)), None)
        if looks is not None and looks.search(unit.text):
            fit += HOLDS
        if self.wants == "figure":
            held = kinds.FIGURE.search(words_of.without(words_of.unmarked(unit.text), self.codes))
            fit -= NOT_COUNTED * against.counts_another(self.question, unit, hit)
            if kinds.CHANGE.search(unit.text) and not kinds.CHANGE.search(self.question):
                fit -= NOT_AMOUNT
            if unit.kind == "row" and "%" in unit.text and not kinds.SHARE.search(self.question):
                fit -= NOT_AMOUNT * all(value.endswith("%") for _, value in unit.cells[1:])
            if held is None and looks is not None and looks.search(unit.text):
                return fit
            return fit + (-HOLDS if held is None else HOLDS if held.group()[0].isdigit() else 0.0)
        if self.wants == "date":
            dated_so = self.is_dated(unit.text) or self.is_dated_by(unit.heading)
            return fit + (HOLDS if dated_so else -HOLDS)
        if self.wants == "reason":
            return fit + (HOLDS if kinds.REASON.search(f"{unit.heading} {unit.text}") else 0.0)
        if self.wants == "person":
            return fit + (HOLDS if people.named(self.question, unit) else -HOLDS)
        if self.wants == "place":
            dated = unit.kind == "field" and kinds.DATE.search(values(unit)[0])
            return fit + (HOLDS if kinds.PLACE.search(unit.text) else -HOLDS if dated else 0.0)
        if self.wants == "yes or no":
            return fit + (HOLDS if kinds.VERDICT.search(unit.text) else 0.0)
        if self.wants == "meaning":
            return fit + (MEANS if words_of.defines(self.question, unit.text) else 0.0)
        return fit

    def _holds_rarest(self, unit: Unit, hit: Hit) -> bool:
        """Whether a unit or its heading has the rarest word of the question."""
        groups = self.groups(hit)
        most = max((weight for _, weight in groups), default=0.0)
        held = frozenset(terms(f"{unit.about} {unit.text}", hit.language))
        return any(weight == most and names & held for names, weight in groups)

    def _named(self, unit: Unit, hit: Hit, path: str) -> float:
        """What is lost for names and codes that the unit itself does not hold."""
        said = f"{unit.text} {path} {unit.around} {hit.title}".replace("_", " ")
        missing = [name for name in (*self.names, *self.codes) if not holds(said, name)]
        if not missing:
            return 0.0
        absent = sum(not holds(hit.text, name) for name in missing)
        return -NAME_NEAR - NAME_ABSENT * absent / len(missing)

    def _labelled(self, unit: Unit, hit: Hit) -> float:
        """What a row or field gains by a label that the question names."""
        held = [term for term in terms(label(unit), hit.language) if not evidence.is_common(term)]
        defines = unit.kind == "field" and kinds.DEFINITION.match(values(unit)[0])
        if not held or (defines and self.wants not in ("meaning", "any")):
            return 0.0
        groups = self.groups(hit)
        typical = max((weight for _, weight in groups), default=0.0) or 1.0
        matched = [t for t in held if any(words_of.has(words, t) for words, _ in groups)]
        weight = max(
            (w for words, w in groups if any(words_of.has(words, t) for t in held)), default=0.0
        )
        weight /= typical
        if any(names & set(held) for names in self._asked_names(hit)):
            weight = 1.0
        gain = LABEL * weight * len(matched) / len(held)
        gain += WHOLE_LABEL * (set(held) <= set(plain_terms(self.question, hit.language)))
        columns = frozenset(terms(" ".join(name for name, _ in unit.cells[1:]), hit.language))
        return gain + COLUMN * any(words & columns for words, _ in groups)

    def _asked_names(self, hit: Hit) -> list[frozenset[str]]:
        """The names of what is asked with, like *range* for "how far"."""
        found = other_names.of_question(self.question)
        return [evidence.answering(names, hit.language) for _, names in found]

    def _headed(self, unit: Unit, hit: Hit) -> float:
        """Share of the question's words that a unit's heading holds, without those of headings above."""
        above = (hit.at(unit.span[0]).heading or "").split(" > ")[:-1]
        said = set(terms(" ".join([hit.title.replace("_", " "), *above]), hit.language))
        asked = {
            term: {term} if evidence.asks_with(self.question, term, hit.language) else names
            for term, names in evidence.names_of(self.question, hit.language).items()
            if term not in said
        }
        heading = {t for t in terms(unit.about, hit.language) if not evidence.is_common(t)}
        named = any(words & heading for words in self._asked_names(hit))
        both = sum(bool(names & heading) for names in asked.values()) + named
        both = min(len(asked) or int(named), both)
        return both / (len(asked) or 1) * math.sqrt(both / (len(heading) or 1))
