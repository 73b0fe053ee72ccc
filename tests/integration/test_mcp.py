"""The Model Context Protocol, as its own client speaks it: over HTTP with keys, and over streams."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from app.actions import keys
from app.actions.keys import KeyWish
from app.services import open_services
from app.settings import Settings
from app.web.api import mcp
from pipelines.store import document_passages
from tests import versions as made
from tests.corpus import add_document
from tests.serving_app import listening

TOOLS = {"search_documents", "read_document", "ask"}


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with listening(module_dsn, tiny_model, home, readers="hr=admins") as started:
        services = started.services
        with services.pool.connection() as conn:
            handle = services.replica.current()
            add_document(conn, handle, "open", [f"{t} " * 4 for t in made.passages(12)])
            add_document(
                conn, handle, "secret", [f"{t} " * 4 for t in made.passages(8, of="hr")],
                collection="hr",
            )  # fmt: skip
        yield started


@pytest.fixture(scope="module")
def hr(served):
    """The id of a document in a closed collection."""
    with served.services.pool.connection() as conn:
        row = conn.execute("select id from document where title = 'secret'").fetchone()
    return row[0]


@asynccontextmanager
async def connected(served, scopes=("ask",), collections=()):
    wish = KeyWish("assistant", scopes, collections, per_minute=0)
    token = keys.make(served.services, wish, who="test")
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(f"{served.url}{mcp.PATH}", http_client=http)
        async with Client(transport) as client:
            yield client


def value(result):
    assert not result.is_error, result.content
    return result.structured_content


def reason(result):
    assert result.is_error
    return result.content[0].text


async def use(client, question):
    """Everything that an assistant does with a question."""
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    found = value(await client.call_tool("search_documents", {"question": question, "top_k": 3}))
    best = found["passages"][0]
    read = value(await client.call_tool("read_document", {"document_id": best["document_id"]}))
    told = value(await client.call_tool("ask", {"question": question}))
    return found, read, told


def test_an_assistant_searches_reads_and_asks(served):
    async def run():
        async with connected(served) as client:
            return await use(client, made.passages(12)[3])

    found, read, told = asyncio.run(run())
    assert 1 <= len(found["passages"]) <= 3
    assert found["passages"][0]["title"] == read["title"] == "open"
    assert [one["number"] for one in read["passages"]] == list(range(12))
    assert read["next_passage"] is None
    assert told["answer"]
    assert set(told) == {"answer", "kind", "citations", "note"}


def test_a_key_reaches_its_collections_alone(served, hr):
    """What is closed is neither found nor read, also by its id."""

    async def titles(collections):
        async with connected(served, collections=collections) as client:
            question = made.passages(8, of="hr")[2]
            found = value(await client.call_tool("search_documents", {"question": question}))
            read = await client.call_tool("read_document", {"document_id": hr})
            return {one["title"] for one in found["passages"]}, read

    seen, read = asyncio.run(titles(()))
    assert seen == {"open"}
    assert "There is no such document." in reason(read)
    seen, read = asyncio.run(titles(("hr",)))
    assert seen == {"secret"}
    assert value(read)["title"] == "secret"


def test_only_a_key_with_the_scope_gets_in(served):
    """Nobody, junk and other scopes are refused before the protocol begins."""
    ingest = keys.make(served.services, KeyWish("adds", ["ingest"], per_minute=0), who="test")
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for token, status in (("none", 401), ("attune-" + "x" * 43, 401), (ingest, 403)):
        with served.client(authorization=f"Bearer {token}") as client:
            for method in ("GET", "POST", "DELETE"):
                assert client.request(method, mcp.PATH, json=body).status_code == status
            assert client.post(f"{mcp.PATH}/x", json=body).status_code in (401, 404)
    ask = keys.make(served.services, KeyWish("asks", ["ask"], per_minute=0), who="test")
    with served.client(authorization=f"Bearer {ask}") as client:
        assert client.get(mcp.PATH).status_code == 405
        assert client.post(mcp.PATH, content=b"x" * 100_000).status_code == 413
        foreign = {"origin": "https://elsewhere.example"}
        assert client.post(mcp.PATH, json=body, headers=foreign).status_code == 403


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_documents", {"question": ""}),
        ("search_documents", {"question": "x" * 20_000}),
        ("search_documents", {"question": "tide", "top_k": 21}),
        ("read_document", {"document_id": 0}),
        ("read_document", {"document_id": 2**70}),
        ("read_document", {"document_id": 999_999}),
        ("ask", {}),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(served, tool, arguments):
    async def run():
        async with connected(served) as client:
            return await client.call_tool(tool, arguments)

    assert "Traceback" not in reason(asyncio.run(run()))


def test_a_long_document_comes_in_parts(served, hr, monkeypatch):
    """Each with the number to read on from, and all of it in the end."""
    monkeypatch.setattr(mcp, "MOST_CHARS", 300)

    async def run():
        numbers: list[list[int]] = []
        following: int | None = 0
        async with connected(served, collections=("hr",)) as client:
            while following is not None:
                arguments = {"document_id": hr, "from_passage": following}
                part = value(await client.call_tool("read_document", arguments))
                assert sum(len(one["text"]) for one in part["passages"]) <= 300
                numbers.append([one["number"] for one in part["passages"]])
                following = part["next_passage"]
        return numbers

    parts = asyncio.run(run())
    assert len(parts) > 1
    assert [number for part in parts for number in part] == list(range(8))


def test_a_passage_longer_than_the_bound_comes_alone(served, hr):
    with served.services.pool.connection() as conn:
        read = document_passages.range_of(conn, hr, 3, most_chars=1)
    assert [one.ordinal for one in read] == [3]


@pytest.mark.long
def test_a_desktop_client_starts_the_command(dsn, tiny_model, tmp_path):
    """Over standard streams: nothing but the protocol on stdout. It ends with its client."""
    home = tmp_path / "home"
    settings = Settings(home=home, DATABASE_URL=dsn, base_model=str(tiny_model))
    with open_services(settings) as opened, opened.pool.connection() as conn:
        texts = [f"{text} " * 4 for text in made.passages(12)]
        add_document(conn, opened.replica.current(), "one", texts)
    command = StdioServerParameters(
        command=str(Path(sys.executable).with_name("attune")),
        args=["mcp"],
        env={
            "PATH": os.environ["PATH"], "ATTUNE_HOME": str(home), "DATABASE_URL": dsn,
            "ATTUNE_BASE_MODEL": str(tiny_model), "HF_HUB_OFFLINE": "1",
        },
    )  # fmt: skip

    async def run():
        async with Client(command) as client:
            return await use(client, made.passages(12)[3])

    found, read, told = asyncio.run(run())
    assert found["passages"][0]["title"] == read["title"] == "one"
    assert told["answer"]
