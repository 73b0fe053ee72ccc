"""
Pieces of the screens about versions and runs: rows to choose, facts, steps, checks, lines of a log.
Pure, and escaped as in `parts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

# Lets rows be chosen: the handler of the component's `select` reads `event.pick`.
PICK = """
element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-pick]');
  if (row) trigger('select', {pick: row.dataset.pick});
});
"""


# Stands where a screen has not been looked at yet.
LOADING = '<div class="loading" role="status"><span>Loading…</span><i></i><i></i><i></i></div>'


def stack(*pieces: str | Markup) -> str:
    """Pieces one below the other, as the value of a `gr.HTML`."""
    return str(Markup('<div class="stack">{}</div>').format(_joined(escape(p) for p in pieces)))


def choices(
    headers: Sequence[object],
    rows: Iterable[tuple[object, Sequence[object]]],
    chosen: object = None,
    *,
    numbers: Sequence[int] = (),
) -> Markup:
    """
    A table whose rows can be chosen, by mouse or keyboard; see `PICK`.

    :param rows: Each with its key, which is what is sent when it is chosen.
    :param numbers: Places of the columns that hold numbers.
    """
    kinds = ["number" if n in numbers else "" for n in range(len(headers))]
    head = _joined(
        Markup('<th scope="col" class="{}">{}</th>').format(kind, name)
        for kind, name in zip(kinds, headers, strict=True)
    )
    body = _joined(_choice(key, key == chosen, cells, kinds) for key, cells in rows)
    return Markup(
        '<div class="table choices"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, body)


def _choice(key: object, chosen: bool, cells: Sequence[object], kinds: Sequence[str]) -> Markup:
    first, *rest = cells
    # The button is for the keyboard; the whole row answers to the mouse.
    button = Markup('<td><button type="button" aria-pressed="{}">{}</button></td>').format(
        "true" if chosen else "false", first
    )
    others = _joined(
        Markup('<td class="{}">{}</td>').format(kind, "" if cell is None else cell)
        for kind, cell in zip(kinds[1:], rest, strict=True)
    )
    return Markup('<tr data-pick="{}" class="{}">{}{}</tr>').format(
        key, "chosen" if chosen else "", button, others
    )


def heading(text: str | Markup, remark: str | Markup = "") -> Markup:
    """A heading within a screen."""
    return Markup('<h3 class="part">{} <small>{}</small></h3>').format(text, remark)


def facts(rows: Iterable[tuple[object, object]]) -> Markup:
    """Names with their values; those without one are left out."""
    cells = (
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value)
        for name, value in rows
        if value not in (None, "")
    )
    return Markup('<dl class="facts">{}</dl>').format(_joined(cells))


def steps(rows: Iterable[tuple[str, str, str]]) -> Markup:
    """Numbered steps: what, what that means, and how long it takes."""
    items = (
        Markup("<li><div><strong>{}</strong> {}</div><span>{}</span></li>").format(*row)
        for row in rows
    )
    return Markup('<ol class="steps">{}</ol>').format(_joined(items))


def checks(rows: Iterable[tuple[bool, str, str]]) -> Markup:
    """What was looked at, whether it passed, and what was found."""
    items = (
        Markup('<li class="{}"><b>{}</b> {}: {}</li>').format(
            "passed" if passed else "failed", "passed" if passed else "failed", name, detail
        )
        for passed, name, detail in rows
    )
    return Markup('<ul class="checks">{}</ul>').format(_joined(items))


def log(text: str) -> Markup:
    """Lines that a program wrote."""
    return Markup('<pre class="log" tabindex="0">{}</pre>').format(text)


def quiet(text: object) -> Markup:
    """Words that stand back."""
    return Markup('<span class="soft">{}</span>').format(text)


def short(text: object) -> Markup:
    """A word or two that stay in one line."""
    return Markup('<span class="short">{}</span>').format(text)


def _joined(pieces: Iterable[Markup]) -> Markup:
    return Markup("").join(pieces)
