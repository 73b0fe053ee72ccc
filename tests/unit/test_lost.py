"""Addresses that do not exist."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.web.lost import LostPage


@pytest.fixture
def client():
    there = Route("/there", lambda request: PlainTextResponse("here"))
    return TestClient(Starlette(routes=[there], middleware=[Middleware(LostPage)]))


def test_browser_gets_a_page_with_a_way_back(client):
    """HTML with the status of the missing page and a link to the chat."""
    answer = client.get("/nope", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/">Go to the chat</a>' in answer.text


def test_programs_and_pages_that_exist_are_left_alone(client):
    """Requests for JSON and existing pages get the same answer as before."""
    assert client.get("/nope", headers={"accept": "application/json"}).text == "Not Found"
    assert client.get("/there", headers={"accept": "text/html"}).text == "here"
