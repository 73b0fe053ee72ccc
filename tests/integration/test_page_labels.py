"""A page is named as it is printed, from the file to what people and programs see."""

from __future__ import annotations

import asyncio
import io

import pytest

from app.access.limits import Limits
from app.access.reader import Reader
from app.actions import keys
from app.actions.ingest import open_ingester
from app.actions.keys import KeyWish
from app.chat import turns
from app.chat.rendering import markup
from app.chat.stops import Stops
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.pages import pdf as pages
from pipelines.store import document_passages
from pipelines.store.db import Connection
from tests.serving_app import listening

COST = (
    "The new lighthouse on Orrin Island cost 4.2 million pounds, of which the county paid a third."
)
QUESTION = "How much did the lighthouse on Orrin Island cost?"


def report() -> bytes:
    """Two pages of front matter, i and ii, and then pages 1 and 2. The cost stands on page 2."""
    from reportlab.pdfgen import canvas

    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    sheet.addPageLabel(0, "ROMAN_LOWER", 1)
    sheet.addPageLabel(2, "ARABIC", 1)
    lines = [
        "Preface. This report was written by the trust of the three parishes in the spring.",
        "Thanks. Many people of the harbour helped with their memories and their photographs.",
        "Herring. The fleet landed 1,930 tonnes of herring in the year, the least since 1998.",
        COST,
    ]
    for line in lines:
        for row in range(6):  # passages that are no short ends of a page
            sheet.drawString(60, 760 - 20 * row, line if row == 0 else f"{row}. {line[:60]} again.")
        sheet.showPage()
    sheet.save()
    return file.getvalue()


@pytest.fixture
def served(dsn, tiny_model, tmp_path):
    with listening(dsn, tiny_model, tmp_path, lexical_weight=0.9) as started:
        with open_ingester(started.services) as ingester:
            outcomes = ingester.ingest_many([Incoming("report.pdf", "report.pdf", report)])
            assert {outcome.status for outcome in outcomes} == {"indexed"}
        yield started


def test_programs_get_number_and_label(served):
    """A passage has the PDF's own number, and what is printed beside it."""
    token = keys.make(served.services, KeyWish("program", ("ask",), (), per_minute=0), who="test")
    with served.client(authorization=f"Bearer {token}") as client:
        found = client.post("/api/v1/search", json={"question": QUESTION, "top_k": 1}).json()
        (best,) = found["passages"]
        assert (best["page"], best["page_label"]) == (4, "2")
        asked = {"model": "attune", "messages": [{"role": "user", "content": QUESTION}]}
        told = client.post("/v1/chat/completions", json=asked).json()
    assert "page 2 (PDF page 4)" in told["choices"][0]["message"]["content"]


def test_people_see_the_printed_page(served):
    """In the chat, in its transcript, and in what a language model would be shown."""

    async def answered():
        limits = Limits(served.services.pool, served.services.settings)
        reader = Reader("visitor", "10.0.0.1")
        steps = turns.ask(served.services, Stops(), limits, reader, None, QUESTION)
        return [step async for step in steps][-1]

    message = asyncio.run(answered()).message
    cited = next(passage for passage in message.shown if passage.cited)
    assert (cited.page, cited.page_label) == (4, "2")
    assert markup.place(cited) == "page 2 (PDF page 4)"
    assert "Page 2 (PDF page 4)" in markup.source_details(cited)
    assert "report.pdf, page 2 (PDF page 4)" in markup.transcript("A chat", [message])


def test_the_page_view_names_it_too():
    """The page as it is drawn has its label, and one without label has none."""
    document = pages.open_pdf(report())
    labels = [pages.look(document, n, None, around=False).label for n in range(1, 5)]
    assert labels == ["i", "ii", "1", "2"]


def test_indexes_from_before_go_on(served):
    """A passage that was stored without a label is cited by its number, as it was."""
    with served.services.pool.connection() as conn:
        before(conn)
        (first, *_) = document_passages.of_document(conn, document_id(conn))
    assert (first.page, first.page_label) == (1, None)
    token = keys.make(served.services, KeyWish("program", ("ask",), (), per_minute=0), who="test")
    with served.client(authorization=f"Bearer {token}") as client:
        found = client.post("/api/v1/search", json={"question": QUESTION, "top_k": 1}).json()
    assert (found["passages"][0]["page"], found["passages"][0]["page_label"]) == (4, None)


def before(conn: Connection) -> None:
    """Make all passages as they were before pages had labels."""
    conn.execute(
        "update chunk set page_label = null, places = (select jsonb_agg(place - 3)"
        " from jsonb_array_elements(places) place)"
    )


def document_id(conn: Connection):
    return conn.execute("select id from document where title = 'report.pdf'").fetchone()[0]
