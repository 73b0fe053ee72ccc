"""
Which words a language has. A word of the question's own language is no typo of a document's word.

The dictionaries are pyspellchecker's. Each is read on first use, in about a second.
"""

from __future__ import annotations

from functools import lru_cache

LANGUAGES = frozenset({"de", "en", "es", "fr", "it", "nl", "pt"})


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> frozenset[str]:
    """The words of a language by its ISO 639-1 code, in small letters. None of one that has no dictionary."""
    if language not in LANGUAGES:
        return frozenset()
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language=language).word_frequency.words())
