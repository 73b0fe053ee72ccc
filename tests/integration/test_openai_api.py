"""The interface of OpenAI's clients, with their own client on a real server process."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import numpy as np
import openai
import pytest

from app.access.bodies import TEXTS_BYTES
from app.actions import keys
from app.actions.keys import KeyWish
from app.services import open_services
from app.settings import Settings
from app.web.api.requests import MOST_INPUTS, SOURCES
from tests.serving import Served, serving

FERRY = "The ferry to the island leaves at nine in the morning from the second pier. " * 3
SALARY = "The salary of a harbour pilot is 5,200 crowns a month, paid on the last day. " * 3
WHEN = "When does the ferry to the island leave?"


@dataclass
class There:
    """A server with its keys."""

    server: Served
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.server.url


@pytest.fixture(scope="module")
def there(module_dsn, tmp_path_factory):
    """A server with an open document and one in a collection for admins, and keys."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "ferry.txt").write_text(FERRY)
    (folder / "salary.txt").write_text(SALARY)
    environment = {"DATABASE_URL": module_dsn, "ATTUNE_READERS": "hr=admins"}
    with serving(**environment) as served:
        assert served.run("ingest", str(folder / "ferry.txt")).returncode == 0
        hr = ("ingest", "--collection", "hr", str(folder / "salary.txt"))
        assert served.run(*hr).returncode == 0
        settings = Settings(home=served.home, DATABASE_URL=module_dsn)
        with open_services(settings, pool_size=2) as services:
            tokens = {
                name: keys.make(
                    services, KeyWish(name, ["ask"], collections, per_minute=0), who="test"
                )
                for name, collections in {"open": [], "hr": ["hr"], "empty": ["none"]}.items()
            }
        yield There(served, tokens)


def client_of(there, name="open", key=None):
    return openai.OpenAI(
        base_url=f"{there.url}/v1", api_key=key or there.tokens[name], max_retries=0, timeout=60
    )


@pytest.fixture
def client(there):
    with client_of(there) as opened:
        yield opened


def ask(client, question, **more):
    given = {"model": "attune", "messages": [{"role": "user", "content": question}]}
    return client.chat.completions.create(**given | more)


def test_an_answer_has_its_citations_in_text_and_fields(client):
    """Numbers in the text, a list of sources at its end, and each passage as fields."""
    reply = ask(client, WHEN)
    message = reply.choices[0].message
    assert "nine" in message.content
    assert "[1]" in message.content.partition(SOURCES)[0]
    assert message.content.partition(SOURCES)[2].startswith("[1] ferry")
    (cited,) = message.citations
    assert cited["number"] == 1
    assert cited["source"].endswith("ferry.txt")
    assert "nine in the morning" in cited["text"]
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "base"
    assert reply.attune["epoch"] == 1


def test_a_stream_says_the_same(client):
    whole = ask(client, WHEN).choices[0].message
    chunks = list(ask(client, WHEN, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].choices[0].delta.citations == whole.citations
    assert len({chunk.id for chunk in chunks}) == 1


def test_what_is_not_in_the_documents_is_said(there):
    """A key of an empty collection finds nothing, and the text has no list of sources."""
    with client_of(there, "empty") as client:
        reply = ask(client, WHEN)
        assert reply.attune["kind"] == "not_found"
        assert reply.choices[0].message.citations == []
        assert SOURCES not in reply.choices[0].message.content
        text = [chunk.choices[0].delta.content or "" for chunk in ask(client, WHEN, stream=True)]
        assert "".join(text) == reply.choices[0].message.content


def test_a_conversation_as_clients_send_it(client):
    """Instructions, parts of a message, and the answer before with its list of sources."""
    before = ask(client, WHEN).choices[0].message.content
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": before},
        {"role": "user", "content": [{"type": "text", "text": WHEN}]},
    ]
    assert "nine" in ask(client, "", messages=messages).choices[0].message.content


def test_models_are_listed_and_named(client):
    """The serving version by "attune" or by its own name."""
    assert [model.id for model in client.models.list()] == ["attune", "base"]
    assert client.models.retrieve("base").owned_by == "attune"
    assert "nine" in ask(client, WHEN, model="base").choices[0].message.content
    with pytest.raises(openai.NotFoundError) as missing:
        ask(client, WHEN, model="gpt-4o")
    assert missing.value.code == "model_not_found"


def test_embeddings_are_those_of_the_serving_version(client):
    """As numbers and as base64, for questions and passages; the passage that answers is nearest."""
    texts = [FERRY, SALARY]
    packed = client.embeddings.create(model="attune", input=texts)  # base64 underneath
    plain = client.embeddings.create(model="attune", input=texts, encoding_format="float")
    found = [np.array(one.embedding) for one in packed.data]
    assert np.allclose(found, [one.embedding for one in plain.data], atol=1e-6)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    query = client.embeddings.create(model="attune", input=WHEN, extra_body={"input_type": "query"})
    scores = np.array(found) @ np.array(query.data[0].embedding)
    assert scores[0] > scores[1] + 0.2
    assert packed.usage.total_tokens > 20
    assert packed.model == "base"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"messages": []}),
        ("chat/completions", {"messages": [{"role": "assistant", "content": "a"}]}),
        ("chat/completions", {"messages": [{"role": "user", "content": "x" * 4001}]}),
        ("chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        ("chat/completions", {"messages": "a"}),
        ("chat/completions", {"messages": [7]}),
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}], "model": 7}),
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}], "n": 2}),
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}], "metadata": "x"}),
        ("embeddings", {"input": []}),
        ("embeddings", {"input": [[1, 2, 3]]}),
        ("embeddings", {"input": ["a"] * (MOST_INPUTS + 1)}),
        ("embeddings", {"input": "x" * 40_000}),
        ("embeddings", {"input": "a", "input_type": "poem"}),
        ("embeddings", {"input": "a", "encoding_format": "int8"}),
        ("embeddings", {"input": "a", "dimensions": 7}),
        ("embeddings", {"input": "a", "dimensions": "7"}),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_reason(there, path, body):
    header = {"authorization": f"Bearer {there.tokens['open']}"}
    answer = httpx.post(f"{there.url}/v1/{path}", json=body, headers=header, timeout=60)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'"a"', b"[" * 100_000, b"\xff\xfe{}"])
def test_what_is_no_json_object_is_refused(there, content):
    header = {"authorization": f"Bearer {there.tokens['open']}"}
    for path in ("chat/completions", "embeddings"):
        answer = httpx.post(f"{there.url}/v1/{path}", content=content, headers=header, timeout=60)
        assert answer.status_code == 400, answer.text


def test_a_body_that_is_too_large_is_refused_in_the_same_form(there):
    header = {"authorization": f"Bearer {there.tokens['open']}"}
    body = b'{"input": "' + b"x" * TEXTS_BYTES + b'"}'
    for sent in (body, iter([body[:999_000], body[999_000:]])):
        answer = httpx.post(f"{there.url}/v1/embeddings", content=sent, headers=header, timeout=30)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "request_too_large"
    assert httpx.get(f"{there.url}/healthz", timeout=60).status_code == 200


def test_a_wrong_key_is_an_authentication_error(there):
    with (
        client_of(there, key="attune-nothing") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        ask(stranger, WHEN)


def test_a_key_reaches_its_collections_and_no_others(there):
    """Closed collections need a key that names them, and such a key reads nothing else."""
    salary = "What is the salary of a harbour pilot?"
    with client_of(there) as anyone, client_of(there, "hr") as hr:
        assert "5,200" not in ask(anyone, salary).choices[0].message.content
        assert "5,200" in ask(hr, salary).choices[0].message.content
        assert "nine" not in ask(hr, WHEN).choices[0].message.content
        for names in (["hr"], "hr", "default,hr"):
            with pytest.raises(openai.BadRequestError, match="does not reach"):
                ask(anyone, salary, extra_body={"metadata": {"collections": names}})
        narrowed = ask(anyone, WHEN, metadata={"collections": "default"})
        assert "nine" in narrowed.choices[0].message.content
        one = ask(anyone, WHEN, metadata={"documents": "ferry.txt"})
        assert "nine" in one.choices[0].message.content
        with pytest.raises(openai.BadRequestError, match="no document"):
            ask(anyone, salary, metadata={"documents": "salary.txt"})
