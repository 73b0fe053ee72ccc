"""The server's manners: health, headers, and what it refuses."""

from __future__ import annotations

import re
import socket

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.services import open_services
from app.settings import Settings
from app.watchdog.launch import listen
from app.web.app import create_app
from tests.serving_app import BASE


@pytest.fixture(scope="module")
def client(module_dsn, tiny_model, tmp_path_factory):
    """A client of the whole application."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, base_model=str(tiny_model)).model_copy(
        update={"database_url": SecretStr(module_dsn)}
    )
    with (
        open_services(settings, pool_size=3) as services,
        TestClient(create_app(services), base_url=BASE) as client,
    ):
        yield client


def test_health_readiness_and_metrics(client):
    """What a container host and Prometheus ask for."""
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}  # and no version for strangers
    text = client.get("/metrics").text
    assert "attune_epoch 1.0" in text
    for name in ("questions_total", "stage_seconds", "failures_total", "documents", "stopped"):
        assert f"# HELP attune_{name}" in text


def test_every_answer_carries_the_security_headers(client):
    """Pages, data and refusals. Only the site itself and Spaces may frame them."""
    for response in (client.get("/"), client.get("/healthz"), client.get("/nothing-here")):
        policy = response.headers["content-security-policy"]
        assert "frame-ancestors 'self' https://huggingface.co" in policy
        assert "default-src 'self'" in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "same-origin"


def test_page_names_no_other_host(client):
    """No font, script or picture is to be fetched from elsewhere."""
    hosts = re.findall(r'(?:src|href)="(https?://[^"]+)"', client.get("/").text)
    assert [host for host in hosts if BASE not in host] == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil:7860"])
def test_writes_from_other_sites_are_refused(client, origin):
    """The origin must be the host that was asked."""
    path = "/gradio_api/queue/join"
    assert client.post(path, json={}, headers={"origin": origin}).status_code == 403
    own = client.post(path, json={}, headers={"origin": BASE})
    assert own.status_code != 403


def test_chat_takes_no_uploads(client):
    """Neither of Gradio's upload routes lets a stranger fill the disk."""
    for path in ("/gradio_api/upload", "/upload", "/gradio_api/upload/"):
        assert client.post(path, files={"files": b"x"}).status_code == 403


def test_gradios_own_descriptions_are_not_served(client):
    """They list what its pages do not use."""
    for path in ("/openapi.json", "/admin/openapi.json", "/gradio_api/openapi.json", "/docs"):
        assert client.get(path).status_code != 200, path


def test_page_gives_a_cookie_that_scripts_cannot_read(client):
    """Once per browser. Over https it also works in a frame."""
    client.cookies.clear()
    cookie = client.get("/").headers["set-cookie"]
    assert cookie.startswith("attune_visitor=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "set-cookie" not in client.get("/").headers
    client.cookies.clear()
    framed = client.get("/", headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "SameSite=None" in framed
    assert "Secure" in framed
    assert "Partitioned" in framed


def test_nothing_of_the_settings_is_on_the_page(client, module_dsn):
    """Gradio publishes its configuration: no address of the database in it."""
    assert module_dsn not in client.get("/config").text
    assert module_dsn not in client.get("/").text


def test_no_answer_is_held_back_by_the_kernel():
    """A connection sends head and body, or word after word, without waiting for what comes back."""
    with (
        listen("127.0.0.1", 0) as bound,
        socket.create_connection(bound.getsockname()),
        bound.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
