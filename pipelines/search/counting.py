"""
What a question counts or measures, and what it tells apart by a number. Pure.

"How many spaces" names a thing that an answer names, too. "How many litres" wants a figure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.text.stop_words import is_small_anywhere

_COUNTED = re.compile(
    r"(?i)\b(?:how many|wie ?viele?|combien d(?:e |['’])|cuánt[oa]s) ?(?P<thing>[^\W\d_]{3,})"
    r"|\bhow much (?P<amount>[^\W\d_]{3,}) (?:is|are|was|were|do|does|did|can|could|should|may|must"
    r"|will|would|goes|go|has|have|had|needs?)\b"
)
# Units of measure, which are told with a figure.
_MEASURE_WORDS = (
    "watt watts volt volts bar kilo kilos gramm gram grams liter litre litres liters grad degrees meter metre"
    " metres meters kilometres kilometers kilometer miles euro euros pounds dollars percent prozent seconds"
    " minutes hours days weeks months years sekunden minuten stunden tage wochen monate jahre heures jours"
    " semaines mois ans horas días litros grados"
)
_MEASURES = frozenset(_MEASURE_WORDS.split())
# What is counted in other words: "a team of 14".
_ANYTHING_WORDS = (
    "people persons person others things times different more leute personen menschen dinge mal verschiedene"
    " personnes gens fois personas veces temps fois tiempo zeit time money space room longer further weight"
    " power energy pressure"
)
_ANYTHING = frozenset(_ANYTHING_WORDS.split()) | _MEASURES
# "Year 6", "room 12": what is told apart by its number.
_NUMBERED = re.compile(
    r"(?i)\b(?P<kind>year|grade|class|level|form|phase|stage|step|module|unit|lesson|room|floor|platform|gate"
    r"|zone|line|bus|route|team|group|week|klasse|jahrgang|stufe|lektion|raum|zimmer|stock|gleis|linie|gruppe"
    r"|woche|niveau|classe|étape|salle|quai|ligne|groupe|semaine|nivel|clase|sala|línea|grupo|semana)"
    r" (?P<number>\d{1,3})\b(?![.,:]?\d)"
)
# "per month": what an amount is for.
_RATE = re.compile(
    r"(?i)\b(?:per|pro|je|jede[nrms]?|par|por|a|an|im|each|every) (?P<per>day|week|month|year|hour|night|person|tag|woche|monat|jahr"
    r"|stunde|nacht|jour|semaine|mois|an|heure|nuit|personne|día|semana|mes|año|hora|noche|persona)\b"
)


def rate(question: str) -> str | None:
    """What an amount is for: the *month* of "What does it cost per month?"."""
    found = _RATE.search(question)
    return found["per"] if found else None


def counted(question: str) -> str | None:
    """What is counted in the answer: the *spaces* of "How many spaces are there?"."""
    found = _COUNTED.search(question)
    thing = (found["thing"] or found["amount"]) if found else None
    if thing is None or is_unit(thing.casefold()) or is_small_anywhere(thing):
        return None
    is_verb = found and found[0].lower().startswith("wie") and thing.islower()
    return None if is_verb and not question.islower() else thing


def is_unit(word: str) -> bool:
    """Whether a word is a unit, or a thing of any kind, so that it is counted in other words, too."""
    return word in _ANYTHING


def measured(question: str) -> bool:
    """Whether a number of litres, watts or another measure is asked for."""
    found = _COUNTED.search(question)
    return found is not None and (found["thing"] or "").casefold() in _MEASURES


def of_other_numbers(question: str, texts: Sequence[str]) -> bool:
    """Whether *Year 6* is asked for, and the passages tell of other years of this kind only."""
    for asked in _NUMBERED.finditer(question):
        told = {
            found["number"]
            for text in texts
            for found in _NUMBERED.finditer(text)
            if found["kind"].casefold() == asked["kind"].casefold()
        }
        if told and asked["number"] not in told:
            return True
    return False
