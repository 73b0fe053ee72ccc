"""
Streams of a backup: compressed, and encrypted where a key is set.

An encrypted stream has a salt and then parts. Each part is authenticated with its number and with
whether it is the last, so parts cannot be exchanged, left out or cut off.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipelines.errors import ArtifactError, InputError

MAGIC = b"attune-sealed-1\n"
SALT_BYTES, PART_BYTES, TAG_BYTES = 16, 1_000_000, 16
# scrypt's cost: 64 MB and a tenth of a second, once for each file.
COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 100_000_000, "dklen": 32}


def seal(pieces: Iterable[bytes], key: str) -> Iterator[bytes]:
    """The pieces as an encrypted stream. Without a key they stay as they are."""
    if not key:
        yield from pieces
        return
    salt = secrets.token_bytes(SALT_BYTES)
    cipher = _cipher(key, salt)
    yield MAGIC + salt
    number, held = 0, b""
    for piece in pieces:
        held += piece
        while len(held) > PART_BYTES:
            yield _part(cipher, number, held[:PART_BYTES], is_last=False)
            number, held = number + 1, held[PART_BYTES:]
    yield _part(cipher, number, held, is_last=True)


def unseal(file: IO[bytes], key: str) -> Iterator[bytes]:
    """
    What was sealed.

    :raises InputError: It is encrypted and there is no key, or the key is another one.
    :raises ArtifactError: It is damaged or cut off.
    """
    head = file.read(len(MAGIC))
    if head != MAGIC:
        if key:
            raise InputError("This backup is not encrypted, but ATTUNE_BACKUP_KEY is set.")
        yield head
        while piece := file.read(PART_BYTES):
            yield piece
        return
    if not key:
        raise InputError("This backup is encrypted. Set ATTUNE_BACKUP_KEY to its key.")
    cipher = _cipher(key, file.read(SALT_BYTES))
    number = 0
    while True:
        prefix = file.read(5)
        if len(prefix) < 5:
            raise ArtifactError("The backup is cut off.")
        size, is_last = struct.unpack(">I?", prefix)
        if size > PART_BYTES + TAG_BYTES:
            raise ArtifactError("The backup is damaged.")
        try:
            yield cipher.decrypt(_nonce(number), file.read(size), _context(is_last))
        except InvalidTag:
            if number == 0:
                raise InputError("ATTUNE_BACKUP_KEY does not open this backup.") from None
            raise ArtifactError("The backup is damaged.") from None
        if is_last:
            return
        number += 1


def _part(cipher: AESGCM, number: int, content: bytes, *, is_last: bool) -> bytes:
    sealed = cipher.encrypt(_nonce(number), content, _context(is_last))
    return struct.pack(">I?", len(sealed), is_last) + sealed


def _cipher(key: str, salt: bytes) -> AESGCM:
    return AESGCM(hashlib.scrypt(key.encode(), salt=salt, **COST))


def _nonce(number: int) -> bytes:
    """Never used twice: every file has a key of its own, by its salt."""
    return number.to_bytes(12, "big")


def _context(is_last: bool) -> bytes:
    return b"last" if is_last else b"more"
