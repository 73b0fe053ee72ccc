"""
What a question asks for, and whether something can answer it. Pure.

The rules are for English and German. A unit must agree with the years, codes and names of the question. Of those that agree, one that
holds the kind of thing asked for (a figure, a date, steps) comes first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from pipelines.answering.units import Unit, label, values
from pipelines.search import evidence
from pipelines.search.evidence import holds, years
from pipelines.store.hits import Hit
from pipelines.text.stop_words import is_stop_word
from pipelines.text.terms import terms

Groups = list[tuple[frozenset[str], float]]
Wanted = Literal["figure", "date", "steps", "reason", "person", "meaning", "any"]

# Words of questions, and the names that fields and columns have for what they ask.
_NAMED = tuple(
    (re.compile(rf"(?i)\b(?:{words})\b"), names)
    for words, names in (
        ("how tall|how high|wie groß|wie hoch", "height head höhe größe"),
        ("how heavy|weigh|wie schwer|wiegt", "weight gewicht mass"),
        ("how old|wie alt", "age alter born"),
        ("how long|wie lange?|dauert", "length duration länge dauer"),
        ("how deep|wie tief", "depth tiefe"),
        ("how wide|wie breit", "width breite"),
        ("how fast|how quick|wie schnell", "speed geschwindigkeit"),
        ("how far|wie weit", "distance range entfernung"),
        ("how hot|how cold|how warm|wie heiß|wie warm|wie kalt", "temperature temperatur"),
        ("how loud|wie laut", "sound noise lautstärke schallpegel"),
        ("cost|costs|how expensive|kostet|kosten|wie teuer", "price fee rate preis kosten"),
        ("earn|earns|salary|verdient", "salary wage income median gehalt"),
        ("born|birthday|geboren", "birth born geburtsdatum geburt"),
        ("where|wo|wohin", "location place address site ort standort adresse"),
        ("when|wann", "date time datum zeit"),
        ("who wrote|author|wer schrieb", "author by verfasser autor"),
        ("phone|telephone|call|telefon", "phone telephone tel telefon"),
        ("mean|means|bedeutet|heißt", "meaning bedeutung"),
    )
)
# How much the kind of thing asked for counts where a unit holds it or not.
HOLDS = 0.12
MEANS = 0.3
STEPS = 0.5
# A list or section whose heading is what is asked for.
HEADED = 0.3
# What a unit loses for a name or code that its passage holds, and for one that it does not.
NAME_NEAR, NAME_ABSENT = 0.08, 0.3
# What a unit loses for each word of its heading that the question does not have.
OTHER_TOPIC = 0.02
# What an entry of a bibliography loses.
REFERENCE = 0.2
# What a field or row gains by a label that the question names, and by a column.
LABEL, COLUMN = 0.25, 0.1
# What a change, or a share of a whole, loses where an amount is asked for.
NOT_AMOUNT = 0.12
# What a few words without an end lose.
FRAGMENT = 0.15
SHORTEST_STEM = 4
# What another name for the thing asked for weighs of the question's rarest word.
OTHER_NAME = 0.6

_KINDS: tuple[tuple[Wanted, str], ...] = (
    ("steps", r"how (?:do|can|should|would|must) (?:i|you|we|one)\b|how to\b|wie (?:\w+ )?(?:ich|man|wir|sie)\b|wie kann\b|steps\b"),
    ("date", r"when\b|what (?:date|year|time|day)\b|which (?:date|year|day)\b|until when|wann\b|seit wann|welche[sn]? (?:jahr|datum|tag)\b"),
    ("reason", r"why\b|what (?:was|is|were) the (?:\w+ )?(?:cause|reason)s?\b|what caused\b|warum\b|weshalb\b|wieso\b"),
    ("person", r"who(?:m|se)?\b|wer\b|wem\b|wen\b"),
    ("figure", r"how (?:many|much|old|tall|high|heavy|long|large|big|far|fast|deep|wide|often)\b|within how many|wh(?:at|ich) (?:\w+ ){0,7}?(?:number|price|cost|fee|rent|salary|wage|amount|total|percentage|rate|age|height|weight|torque|power|capacity|length|width|depth|speed|temperature|pressure|budget|revenue|income|loss|profit|size|duration|distance|voltage|port)s?\b|wie ?(?:viele?|hoch|schwer|alt|lange?|gro(?:ß|ss)|weit|oft)\b"),
    ("meaning", r"what (?:is|are) (?:an? )?[^\W\d_]+(?: [^\W\d_]+){0,3}\??$|what does .{1,60} mean\b|define\b|how (?:does|is|are|do) .{1,60} defined?\b|was (?:ist|sind|bedeutet|bedeuten)\b|definition of\b"),
)  # fmt: skip
_FIRST = r"(?i)^\W*(?:(?:and|so|since|until|by|in|on|from|for|at|to|of|with|seit|bis|ab|von|mit|für|und) )?"
_KINDS_RE = tuple(
    (kind, re.compile(f"{'(?i)' if kind in ('figure', 'steps') else _FIRST}(?:{pattern})"))
    for kind, pattern in _KINDS
)
_FIGURE = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|none|no|ein|zwei|drei|vier|fünf)\b", re.I)  # fmt: skip
_DATE = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\d{1,2}[.:/]\d{1,2}|\b(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\.?\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:days?|weeks?|months?|hours?|tage?|wochen?|monate?)\b", re.I)  # fmt: skip
_REASON = re.compile(
    r"(?i)\b(?:because|due to|caused?|reasons?|result(?:ed|ing)?|owing|since|so that|in order to|weil|da|denn|wegen|aufgrund|durch|ursache)\b"
)
_CHANGE = re.compile(
    r"(?i)\b(?:increas|decreas|improv|grew|grow|fell|declin|gestiegen|gesunken)\w*"
)
_SHARE = re.compile(r"(?i)percent|share|margin|%|anteil|prozent|rate\b")
_PROPER = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZÄÖÜ][a-zäöüß]+\b")
_REFERENCE = re.compile(
    r"(?i)https?:|\bwww\.|\bretrieved\b|\bdoi\b|\bisbn\b|\bet al\b|\bpp\. ?\d|\blink|\burl|\bwebsite"
)


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
        wants: Wanted = next((kind for kind, rule in _KINDS_RE if rule.search(question)), "any")
        return cls(
            question, wants, years(question), evidence.codes(question), evidence.names(question)
        )

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
        found = [
            (frozenset([term]), hit.weights.get(term, 0.0))
            for term in dict.fromkeys(terms(self.question, hit.language))
            if term not in said and not evidence.is_common(term)
        ]
        typical = max((weight for _, weight in found), default=0.0)
        for rule, others in _NAMED:
            if rule.search(self.question):
                found.append((frozenset(terms(others, hit.language)), OTHER_NAME * typical))
        return found

    def named(self, hit: Hit) -> frozenset[str]:
        """The names of the question that a passage holds: each of its parts is about them."""
        if hit.chunk_id not in self._named_in:
            held = (name for name in self.names if holds(hit.text, name))
            self._named_in[hit.chunk_id] = frozenset(terms(" ".join(held), hit.language))
        return self._named_in[hit.chunk_id]

    def column(self, name: str, hit: Hit) -> float:
        """How well the name of a column fits the question: by the weight of the words they share."""
        held = terms(name, hit.language)
        groups = self.groups(hit)
        typical = max((weight for _, weight in groups), default=0.0) or 1.0
        return sum(
            weight or typical
            for words, weight in groups
            if any(_alike(word, term) for word in words for term in held)
        )

    def agrees(self, unit: Unit, hit: Hit) -> bool:
        """Whether nothing in a unit speaks against it: another year, another code, or a mere echo."""
        if self._is_echo(unit, hit):
            return False
        if self.years:
            near = years(unit.text) or years(f"{unit.about} {unit.around}")
            held = near or years(hit.title.replace("_", " "))
            if held and not self.years & (held | years(unit.around)):
                return False
        if unit.kind == "sentence" or unit.kind == "section":
            return True
        said = f"{unit.text} {unit.about} {unit.around} {hit.title} {hit.heading or ''}"
        return all(holds(said, code) for code in self.codes)

    def fit(self, unit: Unit, hit: Hit) -> float:
        """How much better or worse a unit is for the kind of thing that is asked for."""
        path = f"{hit.at(unit.span[0])[1] or ''} {unit.about}"
        fit = self._named(unit, hit, path) - OTHER_TOPIC * self._strange(unit.heading)
        fit += self._labelled(unit, hit)
        if unit.kind == "sentence" and len(unit.text.split()) < 6 and unit.text[-1:] not in ".!。":
            fit -= FRAGMENT
        if _REFERENCE.search(unit.text) and not _REFERENCE.search(self.question):
            fit -= REFERENCE
        if unit.kind in ("steps", "section", "list"):
            headed = self._headed(unit, hit)
            weight = STEPS if self.wants == "steps" else HEADED
            if self.wants in ("figure", "date", "meaning") and unit.kind == "section":
                weight = 0.0
            return fit + weight * headed - HEADED * (headed < 0.5)
        if self.wants == "figure":
            held = _FIGURE.search(_without(unit.text, self.codes))
            if _CHANGE.search(unit.text) and not _CHANGE.search(self.question):
                fit -= NOT_AMOUNT
            if unit.kind == "row" and "%" in unit.text and not _SHARE.search(self.question):
                fit -= NOT_AMOUNT * all(value.endswith("%") for _, value in unit.cells[1:])
            return fit + (-HOLDS if held is None else HOLDS if held.group()[0].isdigit() else 0.0)
        if self.wants == "date":
            return fit + (HOLDS if _DATE.search(_without(unit.text, self.codes)) else -HOLDS)
        if self.wants == "reason":
            return fit + (HOLDS if _REASON.search(f"{unit.heading} {unit.text}") else 0.0)
        if self.wants == "person":
            others = set(_PROPER.findall(unit.text)) - set(_PROPER.findall(self.question))
            return fit + (HOLDS if others else -HOLDS)
        if self.wants == "meaning":
            return fit + (MEANS if self._defines(unit.text) else 0.0)
        return fit

    def _named(self, unit: Unit, hit: Hit, path: str) -> float:
        """What is lost for names and codes that the unit itself does not hold."""
        said = f"{unit.text} {path} {unit.around} {hit.title}".replace("_", " ")
        missing = [name for name in (*self.names, *self.codes) if not holds(said, name)]
        if not missing:
            return 0.0
        absent = sum(not holds(hit.text, name) for name in missing)
        return -NAME_NEAR - NAME_ABSENT * absent / len(missing)

    def _strange(self, heading: str) -> int:
        asked = set(terms(self.question, "en"))
        return sum(t not in asked and not is_stop_word(t) for t in set(terms(heading, "en")[:8]))

    def _labelled(self, unit: Unit, hit: Hit) -> float:
        """What a row or field gains by a label that the question names."""
        held = [term for term in terms(label(unit), hit.language) if not evidence.is_common(term)]
        if not held:
            return 0.0
        groups = self.groups(hit)
        typical = max((weight for _, weight in groups), default=0.0) or 1.0
        matched = [t for t in held if any(t in words for words, _ in groups)]
        weight = max((w for words, w in groups if words & set(held)), default=0.0) / typical
        gain = LABEL * weight * len(matched) / len(held)
        columns = frozenset(terms(" ".join(name for name, _ in unit.cells[1:]), hit.language))
        return gain + COLUMN * any(words & columns for words, _ in groups)

    def _headed(self, unit: Unit, hit: Hit) -> float:
        """Share of the question's words that a unit's heading holds, without those of headings above."""
        above = (hit.at(unit.span[0])[1] or "").split(" > ")[:-1]
        said = set(terms(" ".join([hit.title.replace("_", " "), *above]), hit.language))
        asked = {t for t in terms(self.question, hit.language) if not evidence.is_common(t)} - said
        heading = {t for t in terms(unit.about, hit.language) if not evidence.is_common(t)}
        both = len(asked & heading)
        return both / (len(asked) or 1) * math.sqrt(both / (len(heading) or 1))

    def _defines(self, text: str) -> bool:
        match = re.match(
            r"\W*(?:(?:An?|The|We define|Eine?|Der|Die|Das)\s+)?(.{2,60}?)\W*\s*(?:\([^)]*\)\s*)?"
            r"(?:is|are|means?|refers? to|is defined|as|ist|sind|bedeutet|bezeichnet|:)\s", text)  # fmt: skip
        if match is None:
            return False
        subject = {t for t in terms(match[1], "en") if not is_stop_word(t)}
        asked = set(terms(self.question, "en"))
        return bool(subject) and len(subject & asked) >= 0.5 * len(subject)

    def _is_echo(self, unit: Unit, hit: Hit) -> bool:
        """Whether a unit says nothing that the question and its heading do not."""
        asked = set(terms(f"{self.question} {unit.heading}", hit.language))
        said = (t for value in values(unit) for t in terms(value, hit.language))
        return not any(t not in asked and not is_stop_word(t) for t in said)


def _alike(left: str, right: str) -> bool:
    """Whether two words are the same, or one begins with the other: *dial* and *dialling*."""
    short, long = sorted((left, right), key=len)
    return left == right or (len(short) >= SHORTEST_STEM and long.startswith(short))


def _without(text: str, codes: tuple[str, ...]) -> str:
    for code in codes:
        text = text.replace(code, "")
    return text
