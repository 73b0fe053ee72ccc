"""
Detects text in a document that is addressed to a language model instead of a reader. Pure.

Detection changes no answer, because prompts pass passages as quoted material. Such a document is
excluded from training until a person has reviewed it.
"""

from __future__ import annotations

import re

# Patterns of such text in lower case, each with words of which the text must contain one. Searching
# for the words first takes a hundredth of the time.
_ORDERS = [
    (words, re.compile(form, re.VERBOSE))
    for words, form in (
        (
            ("ignore", "disregard", "forget", "override"),
            r"""\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|the|your|of|these)\s+)*
            (?:previous|prior|above|earlier|preceding|system|former)\s+(?:\w+\s+)?
            (?:instructions?|prompts?|rules?|messages?|directions?)""",
        ),
        (
            ("assistant", "chatbot", "model", "ai"),
            r"""\b(?:you\s+are|act\s+as)\s+(?:now\s+)?(?:an?\s+)?(?:\w+\s+)?
            (?:ai|assistant|chatbot|language\s+model)\b""",
        ),
        (
            ("prompt", "instructions"),
            r"""\b(?:reveal|print|repeat|show)\s+(?:me\s+)?(?:your|the)\s+
            (?:system\s+prompt|instructions)\b""",
        ),
        (("user",), r"\bdo\s+not\s+(?:tell|inform|mention\s+to)\s+the\s+user\b"),
        (("<", "["), r"<\|?(?:im_start|system|endoftext)\|?> | \[/?inst\]"),
    )
]


def gives_orders(text: str) -> bool:
    """Whether a text contains what reads like instructions to a language model."""
    lower = text.lower()
    return any(
        form.search(lower) is not None
        for words, form in _ORDERS
        if any(word in lower for word in words)
    )
