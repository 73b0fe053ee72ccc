"""Encrypted streams of a backup: whole and in order, or refused."""

from __future__ import annotations

import io

import pytest

from app.sealing.streams import MAGIC, PART_BYTES, SALT_BYTES, seal, unseal
from pipelines.errors import ArtifactError, AttuneError, InputError

KEY = "a long passphrase"
CONTENT = bytes(range(256)) * 10_000  # two parts and a half
HEAD = len(MAGIC) + SALT_BYTES
PART = 5 + PART_BYTES + 16


def sealed(content=CONTENT, key=KEY):
    pieces = [content[i : i + 333_333] for i in range(0, len(content), 333_333)]
    return b"".join(seal(pieces, key))


def opened(stream, key=KEY):
    return b"".join(unseal(io.BytesIO(stream), key))


@pytest.mark.parametrize("content", [b"", b"a", CONTENT[:PART_BYTES], CONTENT])
def test_what_is_sealed_is_opened_and_hidden(content):
    stream = sealed(content)
    assert opened(stream) == content
    assert len(content) < 16 or content[:64] not in stream


def test_a_stream_is_never_the_same_twice():
    assert sealed(b"a" * 100) != sealed(b"a" * 100)


def test_without_a_key_it_is_as_it_was():
    assert sealed(key="") == CONTENT
    assert opened(CONTENT, "") == CONTENT


@pytest.mark.parametrize(
    "harm",
    [
        lambda s: s[:-1], lambda s: s[: HEAD + PART], lambda s: s[:HEAD],
        lambda s: s[:HEAD] + s[HEAD + PART :],
        lambda s: s[:HEAD] + s[HEAD + PART : HEAD + 2 * PART] + s[HEAD : HEAD + PART] + s[HEAD + 2 * PART :],
        lambda s: s[: HEAD + PART + 100] + bytes([s[HEAD + PART + 100] ^ 1]) + s[HEAD + PART + 101 :],
    ],
    ids=["cut", "whole parts cut", "all cut", "first left out", "exchanged", "flipped"],
)  # fmt: skip
def test_what_was_changed_is_refused(harm):
    with pytest.raises(AttuneError):
        opened(harm(sealed()))


def test_keys_that_do_not_fit_are_told_from_damage():
    with pytest.raises(InputError, match="does not open"):
        opened(sealed(), "another")
    with pytest.raises(InputError, match="is encrypted"):
        opened(sealed(), "")
    with pytest.raises(InputError, match="is not encrypted"):
        opened(CONTENT)
    with pytest.raises(ArtifactError, match="cut off"):
        opened(sealed()[: HEAD + PART])
