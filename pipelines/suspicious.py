"""
Text in a document that is written to a language model instead of a reader. Pure.

It changes no answer by itself: prompts hand passages over as material. What such a document says is
kept out of training until a person has looked at it.
"""

from __future__ import annotations

import re

_ORDERS = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+|the\s+|your\s+|of\s+|these\s+)*
        (?:previous|prior|above|earlier|preceding|system|former)\s+(?:\w+\s+)?(?:instructions?|prompts?|rules?|messages?|directions?)
    | \b(?:you\s+are|act\s+as)\s+(?:now\s+)?(?:an?\s+)?(?:\w+\s+)?(?:ai|assistant|chatbot|language\s+model)\b
    | \b(?:reveal|print|repeat|show)\s+(?:me\s+)?(?:your|the)\s+(?:system\s+prompt|instructions)\b
    | \bdo\s+not\s+(?:tell|inform|mention\s+to)\s+the\s+user\b
    | <\|?(?:im_start|system|endoftext)\|?> | \[/?INST\]
    """,
    re.IGNORECASE | re.VERBOSE,
)


def gives_orders(text: str) -> bool:
    """Whether a text holds what reads like instructions to a language model."""
    return _ORDERS.search(text) is not None
