"""Texts of documents, models and visitors become HTML that formats and does nothing else."""

from __future__ import annotations

import gc
import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.chat.rendering import markdown
from tests.markdown_forms import FORMS
from tests.payloads import PAYLOADS

TAGS = {
    "p", "h3", "h4", "h5", "ul", "ol", "li", "blockquote", "div", "table", "thead", "tbody", "tr",
    "th", "td", "em", "strong", "s", "code", "pre", "hr", "br", "mark", "span",
}  # fmt: skip
VALUES = {
    "dir": re.compile("auto|ltr|rtl"),
    "class": re.compile("plain|table|right|center|address"),
    "start": re.compile(r"\d{1,9}"),
}


class Page(HTMLParser):
    """What a browser would see: text, and whatever is not on the list."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.strange, self.open = "", list[str](), list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.strange.append(tag)
        for name, value in attrs:
            if name not in VALUES or not VALUES[name].fullmatch(value or ""):
                self.strange.append(f"{tag} {name}={value}")
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.strange.append(f"/{tag}")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.strange.append(data)

    handle_decl = unknown_decl = handle_pi = handle_comment


def harm(text: str) -> list[str]:
    """Everything in the HTML of a text that is not allowed."""
    html = markdown.html(text)
    page = Page(html)
    # Every line of it is one block that another Markdown leaves alone.
    again = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(html)
    changed = [] if again.split() == html.split() else [again]
    naked = re.findall(r"[^\w\s]", re.sub(r"<[^<>]*>|&#\d+;", "", html))
    return [*page.strange, *page.open, *changed, *(sign for sign in naked if ord(sign) < 128)]


@pytest.mark.parametrize("text", [*FORMS, *PAYLOADS])
def test_no_form_links_loads_or_runs(text):
    """Alone, within a sentence, in a list and in a cell of a table."""
    assert len(FORMS) > 150
    cell = text.replace("\n", " ")
    for put in (
        text,
        f"So {text} it is.",
        f"- a\n- {text}",
        f"> {text}",
        f"| a |\n|---|\n| {cell} |",
    ):
        assert harm(put) == [], put
        question = Page(markdown.plain(put))
        assert question.strange + question.open == []


@given(st.text(alphabet="[]()!<>`&\\|-#*_~:;/ahtp1. \n\"'\u2028\u202e", max_size=80))
def test_no_order_of_signs_links_loads_or_runs(text):
    """Whatever a fuzzer thinks of."""
    assert harm(text) == []
    assert harm(f"So {text} [1](/logout)") == []


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_a_mark_loses_and_doubles_nothing(text, start, end):
    """The text reads the same with a marked span, wherever it lies."""
    marked = markdown.html(text, span=(min(start, end), max(start, end)))
    assert re.sub("</?mark>", "", marked) == markdown.html(text)
    assert Page(marked).strange == []


def test_formats_come_out_as_what_they_are():
    """Headings below the page's own, emphasis, nested lists, quotes, code, line breaks."""
    html = markdown.html(
        "# Title\n\nSome **bold**, *it*, ~~gone~~ `x < y`\nnext\n\n3. three\n   - in it\n\n"
        "> said\n\n```python\ndef f():\n    return 1\n```\n\n---"
    )
    assert html.split("\n\n") == [
        '<h3 dir="auto">Title</h3>',
        '<p dir="auto">Some <strong>bold</strong>&#44; <em>it</em>&#44; <s>gone</s>'
        " <code>x &#60; y</code><br>next</p>",
        '<ol dir="ltr" start="3"><li dir="ltr">three<ul dir="ltr"><li dir="ltr">in it</li></ul>'
        "</li></ol>",
        '<blockquote dir="ltr"><p dir="auto">said</p></blockquote>',
        '<pre dir="ltr"><code>def f&#40;&#41;&#58;&#10;    return 1</code></pre>',
        "<hr>",
    ]


def test_figures_in_a_table_stand_right():
    """Columns aligned by the table, and columns with nothing but figures."""
    html = markdown.html(
        "| Plan | Price | Note |\n| --- | --- | :-: |\n| Team | $1,599.00 | a |\n| Free |  | b<br>c |"
    )
    classes = re.findall(r'<t[hd] dir="auto"(?: class="(\w+)")?>', html)
    assert classes == ["", "right", "center"] * 3
    assert "b<br>c" in html


def test_links_keep_their_words_and_tell_their_address():
    """As text: nothing of it can be clicked."""
    html = markdown.html(
        'See [the **site**](https://a.b/c_(d) "t") and ![a ship](/x.png), [1](/y).'
    )
    assert Page(html).text == "See the **site** (https://a.b/c_(d)) and a ship (/x.png), [1]."
    assert Page(markdown.html("[https://a.b](https://a.b)")).text == "https://a.b"


def test_entities_and_tags_are_shown_once():
    """What is written as an entity reads as its sign, a tag as its letters."""
    assert Page(markdown.html("&lt;b&gt; <i> &rlm;x &nbsp;")).text == "<b> <i> \u200fx \xa0"


def test_lists_and_quotes_follow_the_direction_of_their_letters():
    """A list in Arabic is right-aligned. An entity at its beginning does not count."""
    html = markdown.html("- &rlm;مرحبا\n- two\n\n> שלום\n\nمرحبا")
    assert re.findall(r'<(\w+) dir="(\w+)"', html) == [
        ("ul", "rtl"), ("li", "rtl"), ("li", "ltr"), ("blockquote", "rtl"), ("p", "auto"),
        ("p", "auto"),
    ]  # fmt: skip


def test_the_supporting_sentence_is_marked_where_it_stands():
    """Across the cells of a table, inside emphasis, and in text that was written with entities."""

    def marked(text: str, part: str) -> str:
        start = text.index(part)
        html = markdown.html(text, span=(start, start + len(part)))
        return "".join(Page(m).text + "|" for m in re.findall("<mark>(.*?)</mark>", html))

    table = "| Plan | Seats |\n| --- | --- |\n| **Team** x | 5 |\n| Solo | 1 |"
    assert marked(table, "| **Team** x | 5 |") == "Team| x|5|"
    assert marked("- One is first. Two is next.\n- Three", "Two is next.") == "Two is next.|"
    assert marked("A &amp; B. C &lt; D. E.", "C &lt; D.") == "C < D.|"
    assert (
        marked("&lt;b&gt; <b>bold</b>.\n\n- a\n- big\n\n| b |\n|---|\n| bus |", "| bus |") == "bus|"
    )
    assert (
        marked("&rlm;x \\* y_z. Second, &rlm;x.\n\nThird.", "Second, &rlm;x.")
        == "Second, \u200fx.|"
    )
    assert marked("# Head\n\nOne.\n\n```\nx = 1\n```", "x = 1") == "x = 1|"
    assert marked("1. 1 apple\n2. 2 pears", "2 pears") == "2 pears|"


@pytest.mark.parametrize(
    "text",
    [
        "a" * (markdown.LONGEST_CHARS + 1),
        ">" * 40 + " deep",
        "*" * 400 + "a" + "*" * 400,
        "|a" * 300 + "|\n" + "|-" * 300 + "|\n" + "|x\n" * 200,
        "*_" * (markdown.MOST_SIGNS // 2 + 1),
        "- a\n" * (markdown.MOST_LINES + 1),
    ],
    ids=["long", "quotes", "emphasis", "cells", "signs", "lines"],
)
def test_what_is_too_large_or_too_deep_is_shown_as_it_is(text):
    """Nothing of it is lost."""
    html = markdown.html(text)
    assert html.startswith('<p class="plain"')
    assert Page(html).text == text.strip("\n")


LONG = {
    "brackets": "[", "links": "[a](", "nested": "[a[b](c)", "images": "![", "ticks": "`",
    "tick runs": "`a``b```c", "stars": "*_", "star words": "*a **b ", "quotes": "> a\n",
    "deep quotes": ">", "lists": "- ", "list lines": "- a\n", "pipes": "|", "tables": "a|b\n-|-\n",
    "entities": "&#9", "escapes": "\\*", "tags": "<a ", "waves": "~~a", "lines": "a\n",
    "address": "[a](b(", "title": '[a](b "', "blanks": "  \n", "numbers": "1. a\n", "fences": "```\n",
    "headings": "# a\n", "breaks": "<br", "citations": "[1]",
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_time_grows_with_the_length_alone(name, monkeypatch):
    """Twice the text takes about twice the time, whatever the other limits are."""
    monkeypatch.setattr(markdown, "MOST_SIGNS", markdown.LONGEST_CHARS)
    monkeypatch.setattr(markdown, "MOST_LINES", markdown.LONGEST_CHARS)

    def seconds(length: int) -> float:
        text = (LONG[name] * length)[:length]
        tries = []
        for _ in range(2):
            started = time.process_time()
            markdown.html(text, span=(5, length // 2))
            tries.append(time.process_time() - started)
        return min(tries)

    gc.disable()  # it looks through what other tests have left as well
    try:
        for _ in range(4):
            short, long = seconds(markdown.LONGEST_CHARS // 4), seconds(markdown.LONGEST_CHARS // 2)
            if long < 2.5 * short + 0.01:
                return
    finally:
        gc.enable()
    raise AssertionError(f"{short:.3f} s, then {long:.3f} s")
