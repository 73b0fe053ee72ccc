"""The tokenizer of a model folder: spans of tokens, and which of them a text's own words are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import InputError
from pipelines.system.first_use import FIRST_USE
from pipelines.text.scoring.fusion import Reading

# Texts tokenized together: what the tokenizer says of each token takes hundreds of bytes, and a
# long document has millions.
COUNTED_AT_ONCE = 64


def tokenizer_file(folder: Path) -> Path:
    """
    The `tokenizer.json` of a model folder. A routed model keeps it one level down.

    :raises InputError: There is none (only fast tokenizers give character offsets).
    """
    found = sorted(folder.rglob("tokenizer.json"), key=lambda path: len(path.parts))
    if not found:
        raise InputError(f"The model in {folder} has no tokenizer.json (a fast tokenizer).")
    return found[0]


class TokenCounter:
    """Token offsets by a `tokenizers` file: the fast path that all local models share."""

    def __init__(self, tokenizer_json: Path) -> None:
        with FIRST_USE:
            from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_json))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # As tokenizers of the BERT and of the SentencePiece family call it.
        names = map(self._tokenizer.token_to_id, ("[UNK]", "<unk>"))
        self._unknown = [number for number in names if number is not None]
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = np.array(
            [n for n, token in added.items() if token.special and n not in self._unknown],
            dtype=np.int64,
        )
        # Vocabulary and rules decide the offsets; truncation settings of the file do not.
        rules = self._tokenizer.to_str().encode()
        self.fingerprint = hashlib.sha256(rules).hexdigest()[:12]

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_offsets`. *Shape:* ``(t, 2)`` each"""
        found = []
        for start in range(0, len(texts), COUNTED_AT_ONCE):
            some = list(texts[start : start + COUNTED_AT_ONCE])
            for encoding in self._tokenizer.encode_batch(some, add_special_tokens=False):
                found.append(np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2))
        return found

    def ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_ids`. *Shape:* ``(t,)`` each"""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.asarray(encoding.ids, dtype=np.int64) for encoding in found]

    def own(self, ids: NDArray[np.int64], prompt: str, text: str) -> NDArray[np.bool_]:
        """
        Tell which tokens are a text's own: neither special ones nor those of the prompt before it.

        :param ids: What a model of this tokenizer reads of ``prompt + text``. *Shape:* ``(t,)``
        :returns: *Shape:* ``(t,)``
        """
        own = ~np.isin(ids, self._special)
        if prompt:
            (spans,) = self.offsets([prompt + text])
            # By the end: a token may begin with the space that ends the prompt.
            own[np.flatnonzero(own)[: np.count_nonzero(spans[:, 1] <= len(prompt))]] = False
        return own

    def reading(self, text: str) -> Reading:
        """See `Encoder.reading`."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return Reading(len(ids), sum(map(ids.count, self._unknown)))
