"""What has been freed, given back: glibc keeps it for itself, in each of its arenas."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def give_back() -> None:
    """Return freed memory to the system, where the C library can. Takes some milliseconds."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):  # musl, macOS and Windows have none
        ctypes.CDLL(None).malloc_trim(0)
