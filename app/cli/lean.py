"""
What a command of seconds need not import: more than half of the time until a first answer is the
import of what the libraries use for other things. For short processes only: it holds for as long
as they live.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

# sentence-transformers trains and evaluates with these. They bring pandas, scipy and arrow.
TRAINING_ONLY = ("datasets", "sklearn", "sklearn.metrics")


class _Unused(ModuleType):
    """Has any name, as an empty class: that is all that annotations and `isinstance` ask for."""

    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def import_for_a_question() -> None:
    """Before any thread is there that could miss what is held back meanwhile."""
    _import_haystack()
    for name in TRAINING_ONLY:
        if name not in sys.modules:
            sys.modules[name] = unused = _Unused(name)
            unused.__path__ = []  # a package: it has parts
            unused.__spec__ = importlib.util.spec_from_loader(name, None)


def _import_haystack() -> None:
    """
    Without torch, which it takes in for components that Attune does not use: two seconds that a
    question does not need where the accelerated encoder answers.
    """
    if "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import haystack

        _ = haystack
    finally:
        del sys.modules["torch"]
