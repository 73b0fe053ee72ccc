"""
Which passages are trained on and which are held out. Pure.

A whole document is on one side, or a whole section if there are few documents. So is everything
that repeats it nearly word for word. A decision is never changed: a passage that was trained on is
never held out later.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.store.pairs import Split
from training.pairs import clusters

SHARE = 0.2
# Fewer documents than this are divided by their sections.
FEWEST_DOCUMENTS = 8
# A section without headings: so many chunks in a row.
RUN_OF_CHUNKS = 8
# Two passages repeat each other when they share this much of the shorter one's runs of words.
SHINGLE_WORDS = 6
NEARLY_ALL = 0.5
# A run of words in more passages than this is boilerplate and ties nothing together.
BOILERPLATE = 20

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Placed:
    """A passage, and where it stands."""

    key: str
    text: str
    document: str
    section: str
    ordinal: int


def assign(
    pieces: Sequence[Placed],
    known: Mapping[str, Split],
    *,
    wanted: Split | None = None,
    share: float = SHARE,
) -> dict[str, Split | None]:
    """
    The side of each passage, by key.

    :param known: Sides that were decided before, by key. They never change.
    :param wanted: Side of all passages that are not decided. Without it, a `share` of them is held
        out.
    :returns: None for a passage that repeats one of the other side. It belongs to neither.
    """
    groups = _groups(pieces)
    total = len(pieces)
    found: dict[str, Split | None] = {}
    held = sum(1 for piece in pieces if known.get(piece.key) == "heldout")
    # By a hash of their first key: the same passages fall the same way on every machine.
    order = sorted(groups, key=lambda group: hashlib.sha256(group[0].encode()).digest())
    for group in order:
        before = {known[key] for key in group if key in known}
        side: Split | None
        if wanted is not None:
            side = wanted if before <= {wanted} else None
        elif len(before) == 1:
            (side,) = before
        elif before:
            side = None
        elif held + len(group) <= max(1, round(share * total)):
            side = "heldout"
        else:
            side = "train"
        if side == "heldout":
            held += sum(key not in known for key in group)
        for key in group:
            decided = known.get(key, side)
            found[key] = decided if wanted in (None, decided) else None
    return found


def _groups(pieces: Sequence[Placed]) -> list[list[str]]:
    """Keys that have to be on one side, in the order of their first passage."""
    first: dict[tuple[str, ...], int] = {}
    few = len({piece.document for piece in pieces}) < FEWEST_DOCUMENTS
    ties = [(first.setdefault(_unit(piece, few), i), i) for i, piece in enumerate(pieces)]
    ties += _repeats([piece.text for piece in pieces])
    members: dict[int, list[str]] = defaultdict(list)
    for piece, group in zip(pieces, clusters.joined(len(pieces), ties), strict=True):
        members[int(group)].append(piece.key)
    return list(members.values())


def _unit(piece: Placed, by_section: bool) -> tuple[str, ...]:
    if not by_section:
        return (piece.document,)
    # Under one heading there may be the whole of a document: its parts are told by place too.
    return (piece.document, piece.section, str(piece.ordinal // RUN_OF_CHUNKS))


def _repeats(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of texts that are nearly the same, or one nearly a part of the other."""
    runs = [_shingles(text) for text in texts]
    holders: dict[int, list[int]] = defaultdict(list)
    for i, own in enumerate(runs):
        for run in own:
            holders[run].append(i)
    shared: Counter[tuple[int, int]] = Counter()
    for ids in holders.values():
        if 1 < len(ids) <= BOILERPLATE:
            shared.update((a, b) for n, a in enumerate(ids) for b in ids[n + 1 :])
    return [
        (a, b)
        for (a, b), count in shared.items()
        if count >= NEARLY_ALL * min(len(runs[a]), len(runs[b]))
    ]


def _shingles(text: str) -> set[int]:
    words = _WORD.findall(text.casefold())
    if len(words) < SHINGLE_WORDS:
        return {hash(tuple(words))} if words else set()
    return {
        hash(tuple(words[i : i + SHINGLE_WORDS])) for i in range(len(words) - SHINGLE_WORDS + 1)
    }
