"""
Small words that every text of a language has, and the words that its questions ask with. Pure.

A question of English ones alone cannot be searched.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.text.terms import terms

_STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "out",
        "please",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


def is_stop_word(word: str) -> bool:
    """Whether every English text has this word, in small letters."""
    return word in _STOP_WORDS


def stop_words() -> frozenset[str]:
    """Words that every English text has."""
    return _STOP_WORDS


def says_something(question: str) -> bool:
    """Whether a question has a word to search by. *IT* is one, *it* is not."""
    shouted = question.isupper()
    return any(
        word.lower() not in _STOP_WORDS or (len(word) > 1 and word.isupper() and not shouted)
        for word in re.findall(r"[^\W_]+", question)
    )


# Words that English questions ask with, besides those that every text has.
_ASKING = frozenset(["many", "much", "ok", "okay", "happen", "happens", "happened"])
# Words of German, French and Spanish questions that say nothing of what is asked.
_OTHER_WORDS = {
    "de": (
        "ab aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist bitte da"
        " dabei damit dann darf darfst das dass dein dem den denn der des die dies diese diesem diesen"
        " dieser dieses doch dort du durch dürfen ein eine einem einen einer eines er es etwas euch euer"
        " für geht gibt gilt habe haben habt hat hatte hier ich ihm ihn ihr ihre ihrem ihren ihrer im in"
        " insgesamt ist ja jede jedem jeden jeder jedes kann kannst können könnt man mehr mein meine"
        " meinem meinen meiner mich mir mit muss musst muß müssen nach nicht noch nun nur ob oder ohne"
        " passiert sagt schon sehr sein seit während zwischen gegen seine seinem seinen seiner sich sie sind so soll sollen sollte"
        " steht tun um und uns unser unsere unter vom von vor wann war waren warum was welche welchem"
        " welchen welcher welches wem wen wenn wer werde werden weshalb wie wieso wieviel wieviele viel"
        " viele will wir wird wo wohin wollen wurde wurden über zu zum zur gmbh ag kg"
        " brauche brauchen braucht benötige benötigt enthält lautet heißt"
    ),
    "fr": (
        "a à afin ai ainsi as au aux avec ce ces cet cette combien comment comme d dans de des dois"
        " doit du elle elles en est et être eu faire fait faut ici il ils j je l la là le les leur leurs"
        " lui m ma mais me mes mon n ne nos notre nous on ont ou où par pas peut peux plus pour pourquoi"
        " qu quand que quel quelle quelles quels qui quoi s sa se ses si son sont sous sur t ta te tes"
        " ton tous tout toute toutes tu un une va vos votre vous y besoin contient"
    ),
    "es": (
        "a al algo ante aquí como cómo con cual cuál cuales cuáles cuando cuándo cuanta cuánta cuantas"
        " cuántas cuanto cuánto cuantos cuántos de debe debo del desde donde dónde el él ella ellos en"
        " entre es esa ese eso está están esta este esto fue ha han hasta hay la las le les lo los me mi"
        " mis muy ni no nos o para pero por porque puede puedo que qué quien quién quienes se sea ser si"
        " sí sin sobre son su sus también tan te tengo tiene tienen tu un una uno unos y ya lleva llevan necesito necesita hago hace"
    ),
}
# Those that another language has as words of their own count only where their language is spoken.
_MISLEADING_WORDS = (
    "a afin as also bin bis bist como con dans des dies en es et fait geht gilt hat han hier il ja"
    " ai la las le les los main mal man mes me mi mis muy no nos o on ont ou par pas per plus pour"
    " qui sa sea ser si sin so son sont sous sur ta tan te ton tous tout tu un una uno va vos will y"
    " d j l m n s t je ni da de du dort die war was comment comme here her"
)
_MISLEADING = frozenset(_MISLEADING_WORDS.split())


@lru_cache(maxsize=8)
def _small(language: str) -> frozenset[str]:
    words = _STOP_WORDS | _ASKING if language == "en" else _OTHER_WORDS.get(language, "").split()
    return frozenset(words)


@lru_cache(maxsize=1)
def _english() -> frozenset[str]:
    """English ones with their stems, as passages have them."""
    words = sorted(_small("en"))
    return frozenset(words).union(*(terms(word, "en") for word in words))


def spoken(question: str) -> str:
    """The language of a question by its small words: "en", "de", "fr" or "es"."""
    words = re.findall(r"[^\W\d_]+", question.casefold())
    counts = {"en": float(sum(word in _STOP_WORDS for word in words))}
    for language, small in _OTHER_WORDS.items():
        counts[language] = float(sum(word in small.split() for word in words))
    counts["de"] += 0.5 * bool(re.search("[äöüß]", question.casefold()))
    counts["es"] += bool(re.search("[¿¡ñ]", question))
    counts["fr"] += 0.5 * bool(re.search("[àâçèêëîïôœùû]| [?!]", question.casefold()))
    return max(counts, key=lambda language: counts[language])


def is_small(word: str, language: str) -> bool:
    """Whether a word says nothing of what a question of this language is about."""
    return word in _small("en") or word in _small(language)


@lru_cache(maxsize=1)
def _small_anywhere() -> frozenset[str]:
    return frozenset().union(*map(_small, _OTHER_WORDS)) - _MISLEADING


def is_small_anywhere(term: str) -> bool:
    """Whether a word is a small one of some language, and no other word of another."""
    return term in _english() or term in _small_anywhere()
