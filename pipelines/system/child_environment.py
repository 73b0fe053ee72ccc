"""
The environment of child processes. Settings come from `app.settings` alone; programs that are not ours
also need what theirs is told by it, such as where programs and fonts are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


def whole(**changed: str) -> dict[str, str]:
    """This process's environment, with changes."""
    return {**os.environ, **changed}


def only(names: Iterable[str]) -> dict[str, str]:
    """The variables with these names, so that no secret reaches a child that a file may take over."""
    return {name: os.environ[name] for name in names if name in os.environ}
