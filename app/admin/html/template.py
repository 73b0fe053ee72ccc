"""The HTML of the admin's screens: Jinja templates in `templates/`, one file a screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.admin.html import words

# Everything that is passed in is escaped, except what a template made.
ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
ENVIRONMENT.filters |= {"counted": words.count, "flat": words.flat, "shortened": words.shortened}


class Template:
    """
    The macros of one template, each called like a method that returns `Markup`.

    :param name: The file's name without its ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _macros(self) -> Any:
        return ENVIRONMENT.get_template(f"{self._name}.html").module

    def __getattr__(self, macro: str) -> Callable[..., Markup]:
        made: Callable[..., Markup] = getattr(self._macros, macro)
        return made
