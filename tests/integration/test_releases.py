"""What each release left on a disk is opened by this code: nothing lost, and all of it goes on."""

from __future__ import annotations

import tarfile

import pytest

from app.actions import versions
from app.actions.backup import postgres
from app.actions.ingest import open_ingester
from app.services import open_services
from app.settings import Settings
from pipelines.indexing.incoming import Incoming
from pipelines.store import chats, document_list, models, pairs
from tests import released

RELEASES = sorted(released.FOLDER.glob("*.tar.gz"))


def test_every_release_is_kept():
    assert "0.1.0.tar.gz" in [path.name for path in RELEASES]


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def services(request, empty_dsn, tmp_path):
    """The data of a release on another machine, upgraded."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    postgres.load(empty_dsn, [(tmp_path / "dump.sql").read_bytes()])
    settings = Settings(home=tmp_path, DATABASE_URL=empty_dsn)
    with open_services(settings, pool_size=3) as opened:
        yield opened


def ask(services, question):
    return services.answerer.ask(question, handle=services.replica.current())


def test_documents_versions_pairs_and_conversations_are_there(services):
    with services.pool.connection() as conn:
        titles = {row.document.title for row in document_list.list_all(conn)}
        names = [model.name for model in models.list_all(conn)]
        (conversation,) = chats.list_mine(conn, released.VISITOR)
        said = chats.messages(conn, released.VISITOR, conversation.id)
        assert len(pairs.questions(conn)) > 3
    assert titles >= set(released.TEXTS)
    assert names == ["base", "v1"]
    assert [message.text for message in said] == [released.QUESTION, released.ANSWER]


def test_what_served_serves_and_a_rollback_works(services):
    assert services.replica.current().model_name == "v1"
    assert "14 weeks" in ask(services, released.QUESTION).text
    versions.roll_back(services, who="test")
    assert services.replica.refresh().model_name == "base"
    assert "14 weeks" in ask(services, released.QUESTION).text


def test_new_documents_come_in(services, tmp_path):
    path = tmp_path / "roof.md"
    path.write_text("# Roof\n\nThe gutters of the roof are cleaned in November by a roofer.\n")
    with open_ingester(services) as ingester:
        (outcome,) = ingester.ingest_many([Incoming.from_path(path)])
    assert outcome.status == "indexed"
    assert "November" in ask(services, "When are the gutters of the roof cleaned?").text
