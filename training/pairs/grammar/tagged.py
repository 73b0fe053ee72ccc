"""
Sentences as tagged words: what each word is in its sentence, English and German alike.

The tags are those of Universal Dependencies as far as the forms of questions need them. The words
are tagged by the Hanover Tagger (Wartena 2019), a hidden Markov model that knows the languages'
morphemes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

Tag = Literal[
    "noun", "name", "pronoun", "determiner", "possessive", "adjective", "number", "modal",
    "finite", "infinitive", "participle", "gerund", "to", "not", "preposition", "and",
    "subordinate", "relative", "adverb", "particle", "punctuation", "other",
]  # fmt: skip

MODELS = {"en": "morphmodel_en.pgz", "de": "morphmodel_ger.pgz"}

_WORD = re.compile(
    r"[$€£]?\d[\d.,:/]*\d%?|[$€£]?\d%?|°[CF]|[^\W\d_][\w]*(?:[-'’./&][\w]+)*(?:'|’)?|\S", re.UNICODE
)
_NUMBER = re.compile(r"[$€£]?\d")

# The tags of the British National Corpus (C5), by their longest known beginning.
_ENGLISH: dict[str, Tag] = {
    "NN": "noun", "NP0": "name", "PNP": "pronoun", "PNI": "pronoun", "PNX": "pronoun",
    "PNQ": "relative", "AT0": "determiner", "DT0": "determiner", "DPS": "possessive",
    "DTQ": "relative", "AJ": "adjective", "ORD": "adjective", "CRD": "number", "VM0": "modal",
    "VBB": "finite", "VBZ": "finite", "VBD": "finite", "VDB": "finite", "VDZ": "finite",
    "VDD": "finite", "VHB": "finite", "VHZ": "finite", "VHD": "finite", "VVB": "finite",
    "VVZ": "finite", "VVD": "finite", "VBI": "infinitive", "VDI": "infinitive",
    "VHI": "infinitive", "VVI": "infinitive", "VBN": "participle", "VDN": "participle",
    "VHN": "participle", "VVN": "participle", "VBG": "gerund", "VDG": "gerund", "VHG": "gerund",
    "VVG": "gerund", "TO0": "to", "XX0": "not", "PR": "preposition", "CJC": "and",
    "CJS": "subordinate", "CJT": "relative", "AVQ": "relative", "AV": "adverb",
    "EX0": "pronoun", "POS": "particle", "PU": "punctuation",
}  # fmt: skip
# The Stuttgart-Tübingen tags.
_GERMAN: dict[str, Tag] = {
    "NN": "noun", "NE": "name", "FM": "name", "PPOSAT": "possessive", "PREL": "relative",
    "PW": "relative", "PAV": "adverb", "PIAT": "determiner", "PIDAT": "determiner",
    "PDAT": "determiner", "P": "pronoun", "ART": "determiner", "ADJ(A)": "adjective",
    "ADJ(D)": "adverb", "ADV": "adverb", "CARD": "number", "VM(FIN)": "modal",
    "VA(FIN)": "finite", "VV(FIN)": "finite", "VA(INF)": "infinitive", "VV(INF)": "infinitive",
    "VV(IZU)": "infinitive", "VM(INF)": "infinitive", "VA(PP)": "participle",
    "VV(PP)": "participle", "VM(PP)": "participle", "PTKZU": "to", "PTKNEG": "not",
    "PTKVZ": "particle", "PTK": "adverb", "AP": "preposition", "KON": "and", "KOKOM": "and",
    "KOU": "subordinate", "$": "punctuation",
}  # fmt: skip
_TAGS = {"en": _ENGLISH, "de": _GERMAN}


@dataclass(frozen=True)
class Word:
    """
    A word in its sentence.

    :param lemma: Its base form.
    :param plural: Whether an English noun is in the plural.
    :param past: Whether an English verb is in the past tense.
    """

    text: str
    lemma: str
    tag: Tag
    plural: bool = False
    past: bool = False
    third: bool = False

    @property
    def low(self) -> str:
        """The word without capitals."""
        return self.text.casefold()


def words(sentence: str, language: str) -> list[Word]:
    """
    The words and signs of a sentence with their tags.

    :param language: ``en`` or ``de``.
    """
    texts = _WORD.findall(sentence)
    known = _TAGS[language]
    return [
        Word(
            text, lemma, _tag(text, tag, known),
            plural=tag == "NN2", past=tag in ("VBD", "VDD", "VHD", "VVD"), third=tag.endswith("Z"),
        )
        for text, lemma, tag in _tagger(language).tag_sent(texts)
    ]  # fmt: skip


def _tag(text: str, tag: str, known: dict[str, Tag]) -> Tag:
    if _NUMBER.match(text):
        return "number"
    if not any(map(str.isalnum, text)):
        return "particle" if tag == "POS" else "punctuation"
    return next((known[tag[:n]] for n in range(len(tag), 0, -1) if tag[:n] in known), "other")


@cache
def _tagger(language: str) -> Any:
    from HanTa import HanoverTagger

    return cast(Any, HanoverTagger).HanoverTagger(MODELS[language])
