"""The source of a citation: who may see its page, text and file, and what bad pages cost."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

from app.access.visitor import COOKIE
from app.actions.ingest import open_ingester
from app.chat.source import routes
from pipelines.errors import InputError
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.pages import drawer as drawers
from pipelines.indexing.pages.drawer import Drawer
from pipelines.indexing.pages.pdf import MOST_PIXELS
from pipelines.indexing.pages.sheet import Quote
from pipelines.indexing.readers.ocr.engine import engine_name
from pipelines.store import chats, chunks, document_passages, documents, scope
from pipelines.store.ids import DocumentId
from tests.serving_app import running

OPENS = "The relief valve opens at 12 bar."
NOTES = "# Valves\n\n" + "\n\n".join(f"## Valve {n}\n\nValve {n} opens at {n} bar. " + "It is made of brass. " * 40 for n in range(1, 12))  # fmt: skip


def pdf(*pages: str, size: tuple[float, float] = (612, 792), **options) -> bytes:
    out = io.BytesIO()
    drawn = canvas.Canvas(out, pagesize=size, **options)
    for text in pages:
        drawn.drawString(72, size[1] - 100, text)
        drawn.showPage()
    drawn.save()
    return out.getvalue()


@pytest.fixture(scope="module")
def app(module_dsn, tiny_model, tmp_path_factory):
    """The chat is open, but the collection ``board`` is for admins."""
    home = tmp_path_factory.mktemp("home")
    settings = {"admin_password": "a", "readers": "board=admins"}
    with running(module_dsn, tiny_model, home, **settings) as started:
        yield started


class Visitor:
    """A browser that has opened the chat, and the answers that it was given."""

    def __init__(self, app, client=None):
        self.app, self.client = app, client or app.client()
        self.client.get("/", headers={"accept": "text/html"})

    @property
    def visitor(self) -> str:
        return hashlib.sha256(self.client.cookies[COOKIE].encode()).hexdigest()[:32]

    def cites(self, document_id: DocumentId, words: str) -> str:
        """The name of the source of an answer that cites these words of a document."""
        with self.app.services.pool.connection() as conn:
            document = documents.get(conn, document_id)
            assert document is not None
            (chunk,) = [
                c for c in document_passages.of_document(conn, document_id) if words in c.text
            ]
            start = chunk.text.index(words)
            passage = chats.Shown(
                1, document_id, chunk.id, document.title, chunk.page, chunk.heading, chunk.text,
                (start, start + len(words)), 1.0, True, document.collection,
            )  # fmt: skip
            conversation = chats.start(conn, self.visitor, "A question")
            message = chats.add(
                conn, conversation, role="assistant", text="So it is [1].", kind="extracts", shown=[passage]
            )  # fmt: skip
        return f"{message}-1"


def put(app, name: str, content: bytes, collection: str = "default") -> DocumentId:
    with open_ingester(app.services) as ingester:
        outcome = ingester.ingest(Incoming(name, name, lambda: content, collection))
    assert outcome.status == "indexed", outcome
    assert outcome.document_id is not None
    return outcome.document_id


@pytest.fixture(scope="module")
def manual(app):
    return put(app, "manual.pdf", pdf("Contents", f"Safety. {OPENS} See also page 1.", "Notes"))


def all_of(client, name):
    """The status of each route of a source."""
    paths = ["", "/text", "/page/1", "/file"]
    return {client.get(f"/sources/{name}{path}").status_code for path in paths}


def test_a_citation_opens_its_page_with_the_words_boxed(app, manual):
    """The box stands on the drawn letters: dark pixels inside, and none just above it."""
    ada = Visitor(app)
    name = ada.cites(manual, OPENS)
    told = ada.client.get(f"/sources/{name}").json()
    assert (told["kind"], told["number"], told["pages"]) == ("page", 2, 3)
    assert OPENS in told["text"]
    ((left, top, right, bottom),) = told["boxes"]
    answer = ada.client.get(f"/sources/{name}/page/2?width=960")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "no-store"
    page = Image.open(io.BytesIO(answer.content)).convert("L")
    assert page.width == 960

    def darkest(top, bottom):
        return page.crop((int(left * page.width), int(top * page.height), int(right * page.width), int(bottom * page.height))).getextrema()[0]  # fmt: skip

    assert darkest(top, bottom) < 80
    assert darkest(2 * top - bottom, top) > 200
    other = ada.client.get(f"/sources/{name}?page=3").json()
    assert (other["number"], other["boxes"], other["text"]) == (3, [], "Notes")


def test_another_kind_of_document_opens_as_text_at_the_passage(app):
    """Its surroundings stand around it, and more of it can be read."""
    notes = put(app, "valves.md", NOTES.encode())
    ada = Visitor(app)
    name = ada.cites(notes, "Valve 7 opens at 7 bar.")
    told = ada.client.get(f"/sources/{name}").json()
    assert told["kind"] == "text"
    (here,) = [part for part in told["parts"] if part["here"]]
    assert "<mark>Valve 7 opens at 7 bar&#46;</mark>" in here["html"]
    before = ada.client.get(f"/sources/{name}/text?first=0&limit={told['before']}").json()
    after = ada.client.get(f"/sources/{name}/text?first={told['after']}&limit=20").json()
    ordinals = [part["ordinal"] for value in (before, told, after) for part in value["parts"]]
    assert ordinals == list(range(len(ordinals)))
    assert "Valve 1 opens" in before["parts"][0]["html"]
    assert after["after"] is None
    original = ada.client.get(f"/sources/{name}/file")
    assert original.content == NOTES.encode()
    assert original.headers["content-disposition"].startswith("attachment;")
    assert original.headers["content-type"] == "application/octet-stream"


def test_what_a_document_says_cannot_run(app):
    hostile = put(app, "x.md", b"# A <script>alert(1)</script>\n\nThe <img src=x onerror=alert(1)> picture.\n")  # fmt: skip
    ada = Visitor(app)
    told = ada.client.get(f"/sources/{ada.cites(hostile, 'picture')}").json()
    assert "<script" not in json.dumps(told)
    assert "<img" not in json.dumps(told)


def test_nobody_sees_the_source_of_somebody_elses_answer(app, manual):
    """Neither with a cookie of their own, nor without, nor by numbers that do not exist."""
    name = Visitor(app).cites(manual, OPENS)
    assert all_of(Visitor(app).client, name) == {404}
    assert all_of(app.client(), name) == {404}
    mine = Visitor(app)
    number = mine.cites(manual, OPENS).split("-")[0]
    for wrong in (f"{number}-2", f"{number}-0", f"{number}", "x", "0-1", f"0-1-{'0' * 36}", f"{2**63}-1"):  # fmt: skip
        assert all_of(mine.client, wrong) == {404}, wrong


def test_a_closed_collection_is_closed_here_too(app):
    """An admin sees it. The same answer in the hands of a stranger does not open it."""
    report = put(app, "board.pdf", pdf(f"Board. {OPENS}"), "board")
    admin = Visitor(app, app.signed_in("admin-password", "admin"))
    assert all_of(admin.client, admin.cites(report, OPENS)) == {200}
    stranger = Visitor(app)
    assert all_of(stranger.client, stranger.cites(report, OPENS)) == {404}


def test_a_private_file_is_for_its_owner_alone(app):
    ada, eve = Visitor(app), Visitor(app)
    plan = put(app, "plan.pdf", pdf(f"Plan. {OPENS}"), scope.private(ada.visitor))
    assert all_of(ada.client, ada.cites(plan, OPENS)) == {200}
    assert all_of(eve.client, eve.cites(plan, OPENS)) == {404}


def test_originals_can_be_kept_for_admins(dsn, tiny_model, tmp_path):
    """Readers see the page all the same, and save what they added themselves."""
    settings = {"admin_password": "a", "originals": "admins"}
    with running(dsn, tiny_model, tmp_path, **settings) as app:
        manual = put(app, "manual.pdf", pdf(OPENS))
        ada = Visitor(app)
        name = ada.cites(manual, OPENS)
        assert ada.client.get(f"/sources/{name}").json()["file"] is False
        assert ada.client.get(f"/sources/{name}/file").status_code == 404
        own = ada.cites(
            put(app, "own.pdf", pdf(f"My own. {OPENS}"), scope.private(ada.visitor)), OPENS
        )
        assert ada.client.get(f"/sources/{own}/file").status_code == 200
        admin = Visitor(app, app.signed_in("admin-password", "admin"))
        assert admin.client.get(f"/sources/{admin.cites(manual, OPENS)}/file").status_code == 200


def test_a_document_that_is_gone_leaves_the_passage(app):
    gone = put(app, "gone.pdf", pdf(f"Gone. {OPENS}"))
    ada = Visitor(app)
    name = ada.cites(gone, OPENS)
    with app.services.pool.connection() as conn:
        chunks.delete_document(conn, gone)
    told = ada.client.get(f"/sources/{name}").json()
    assert (told["kind"], told["file"]) == ("text", False)
    assert "changed or removed" in told["note"]
    assert "<mark>The relief valve" in told["parts"][0]["html"]
    assert ada.client.get(f"/sources/{name}/file").status_code == 404


def test_a_page_that_cannot_be_drawn_says_so_and_shows_its_text(app, monkeypatch):
    manual = put(app, "slow.pdf", pdf(f"Slow. {OPENS}"))

    def slow(*_, **__):
        raise InputError("drawing this page took more than 10 s of CPU time")

    monkeypatch.setattr(Drawer, "look", slow)
    ada = Visitor(app)
    told = ada.client.get(f"/sources/{ada.cites(manual, OPENS)}").json()
    assert told["kind"] == "text"
    assert "more than 10 s" in told["note"]
    assert "<mark>" in told["parts"][0]["html"]


@pytest.mark.usefixtures("one_window")
def test_looks_are_counted_and_so_many_at_once_are_refused(app, manual, monkeypatch):
    """By visitor and by address, as questions are."""
    ada = Visitor(app, app.client(address=("10.1.2.3", 1)))
    name = ada.cites(manual, OPENS)
    monkeypatch.setattr(routes, "FILES_PER_MINUTE", 2)
    codes = [ada.client.get(f"/sources/{name}/file").status_code for _ in range(4)]
    assert codes == [200, 200, 429, 429]
    monkeypatch.setattr(routes, "AT_ONCE", 1)
    draw, begun, may_end = Drawer.look, threading.Event(), threading.Event()

    def slow(*arguments, **options):
        begun.set()
        assert may_end.wait(60)
        return draw(*arguments, **options)

    def look():
        return ada.client.get(f"/sources/{name}").status_code

    monkeypatch.setattr(Drawer, "look", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(look)
        assert begun.wait(60)
        codes = [look(), look()]
        may_end.set()
    assert (first.result(), codes) == (200, [503, 503])


@pytest.fixture(scope="module")
def drawer():
    with Drawer(ReadLimits(memory_mb=600, cpu_s=3, wall_s=15)) as opened:
        yield opened


def drawn(drawer, data, number=1, width=960):
    sheet = drawer.look(str(hash(data)), lambda: data, number, Quote(OPENS))
    return sheet, Image.open(io.BytesIO(drawer.draw(str(hash(data)), lambda: data, number, width)))


def test_a_huge_page_is_drawn_small(drawer):
    sheet, picture = drawn(drawer, pdf(OPENS, size=(20_000, 20_000)), width=2880)
    assert (sheet.width, sheet.height) == (20_000, 20_000)
    assert picture.width * picture.height <= MOST_PIXELS * 1.01
    assert len(sheet.boxes) == 1


def test_the_last_of_ten_thousand_pages_is_drawn_as_fast_as_the_first(drawer):
    data = pdf(*["x"] * 9_999, OPENS)
    started = time.monotonic()
    sheet, _ = drawn(drawer, data, 10_000)
    assert (sheet.number, sheet.pages, len(sheet.boxes)) == (10_000, 10_000, 1)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7\n" + b"\x00garbage" * 40, "damaged"),
        (b"", "damaged"),
        (pdf(OPENS, encrypt=StandardEncryption("secret", canPrint=0)), "password"),
    ],
)
def test_a_broken_or_locked_file_is_told_in_one_line(drawer, data, reason):
    """Every time, and the next document is drawn."""
    for _ in range(2):
        with pytest.raises(InputError, match=reason):
            drawn(drawer, data)
    assert len(drawn(drawer, pdf(OPENS))[0].boxes) == 1
    with pytest.raises(InputError, match="no page 9"):
        drawn(drawer, pdf(OPENS), 9)


def endless() -> bytes:
    """A page whose content draws hundreds of thousands of large transparent shapes."""
    out = io.BytesIO()
    page = canvas.Canvas(out, pageCompression=1)
    page.setFillAlpha(0.5)
    shape = "0 0 m 600 10 10 600 600 790 c 10 10 600 20 0 790 c f* "
    page._code.append(shape * 300_000)
    page.showPage()
    page.save()
    return out.getvalue()


def test_a_page_that_takes_too_long_costs_no_more_than_the_limit(drawer):
    """It is not tried a second time, and the next document is drawn."""
    data = endless()
    started = time.monotonic()
    with pytest.raises(InputError, match=r"took more than 3 s|took longer than"):
        drawer.draw("endless", lambda: data, 1, 960)
    assert time.monotonic() - started < 25
    with pytest.raises(InputError, match=r"took more than 3 s|took longer than"):
        drawer.draw("endless", lambda: pytest.fail("it is tried again"), 1, 1440)
    assert len(drawn(drawer, pdf(OPENS))[0].boxes) == 1


def test_pictures_are_kept_within_a_bound(drawer, monkeypatch):
    """A picture that was drawn is not drawn again, and the oldest ones go."""
    data = pdf(*(f"Page {n}" for n in range(8)))
    loads = []

    def load():
        loads.append(1)
        return data

    pictures = [drawer.draw("bound", load, n, 480) for n in range(1, 9)]
    assert len(loads) == 1
    assert drawer.draw("bound", load, 1, 480) is pictures[0]
    monkeypatch.setattr(drawers, "MOST_KEPT_BYTES", 4 * len(pictures[0]))
    drawer.draw("bound", load, 1, 960)
    assert sum(map(len, drawer._kept.values())) <= 4 * len(pictures[0])


def scan(*lines: str) -> bytes:
    """A PDF whose page is a picture of words."""
    picture = Image.new("L", (1700, 2200), 255)
    font = ImageFont.load_default(48)
    for n, line in enumerate(lines):
        ImageDraw.Draw(picture).text((200, 300 + 120 * n), line, 0, font)
    out = io.BytesIO()
    picture.save(out, "PDF", resolution=200)
    return out.getvalue()


@pytest.mark.skipif(engine_name() != "tesseract", reason="tesseract is not installed")
def test_the_words_on_a_scan_are_found_by_text_recognition(app):
    """The page is there at once, and the boxes follow. Nobody else learns of them."""
    manual = put(app, "scan.pdf", scan("Safety of the old pump.", OPENS, "See the last page."))
    ada = Visitor(app)
    name = ada.cites(manual, OPENS)
    told = ada.client.get(f"/sources/{name}").json()
    assert (told["kind"], told["is_picture"], told["boxes"], told["note"]) == (
        "page",
        True,
        [],
        None,
    )
    ((left, top, right, bottom),) = ada.client.get(f"/sources/{name}/marks/1").json()["boxes"]
    assert left == pytest.approx(200 / 1700, abs=0.01)
    assert top < (420 + 24) / 2200 < bottom
    assert right < 0.7
    assert ada.client.get(f"/sources/{name}/marks/9").json() == {"boxes": []}
    assert Visitor(app).client.get(f"/sources/{name}/marks/1").status_code == 404
