"""Sources as people name them, how often they are read, and how their screen shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.actions.sources import opening, schedule
from app.actions.sources.report import Report, ReportLine, unheard
from app.actions.sources.secrets import Login
from app.admin.html.sources import rows
from pipelines.errors import InputError
from pipelines.store.ids import SourceId
from pipelines.store.source_runs import SourceRun
from pipelines.store.sources import FollowedSource

NOW = datetime(2024, 5, 14, 12, tzinfo=UTC)
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/home/ada/papers", "folder"), ("papers", "folder"), ("C.md/x", "folder"),
        ("https://docs.example.org/guide/", "website"), ("http://h.org/", "website"),
        ("https://github.com/owner/guide", "repository"),
        ("https://github.com/owner/guide/wiki", "website"),
        ("https://h.org/a.git", "repository"), ("https://h.org/a.git#next", "repository"),
        ("git@h.org:a/b", "repository"), ("ssh://h.org/a", "repository"),
        ("git+https://h.org/a", "repository"), ("s3://bucket/a", "files"), ("hf://a/b", "files"),
    ],
)  # fmt: skip
def test_an_address_tells_what_it_is(address, kind):
    assert opening.kind_of(address) == kind


@pytest.mark.parametrize(
    "address", ["file:///etc", "gopher://h.org", "", "http://", "s3://a::zip://b"]
)
def test_other_addresses_are_refused(address):
    with pytest.raises(InputError):
        opening.normal(address)


@pytest.mark.parametrize(
    ("address", "stored", "login"),
    [
        ("https://ada:pa%3Ass@h.org/a/", "https://h.org/a/", Login("ada", "pa:ss")),
        ("https://ada:x@h.org:8443/a.git", "https://h.org:8443/a.git", Login("ada", "x")),
        ("sftp://ada@h.org/in/", "sftp://ada@h.org/in", Login()),
        ("git@h.org:a", "git@h.org:a", Login()),
    ],
)
def test_a_password_does_not_stay_in_an_address(address, stored, login):
    assert opening.normal(address) == (stored, login)


def test_a_login_is_not_printed():
    assert "s3cr3t" not in repr(Login("ada", "s3cr3t"))
    assert Login("", "t").header == "Bearer t"
    assert Login().header == ""


@pytest.mark.parametrize(
    ("text", "minutes"), [("off", 0), ("Daily", 1440), ("weekly", 10080), ("15", 15)]
)
def test_a_schedule_is_read(text, minutes):
    assert schedule.parse(text) == minutes


@pytest.mark.parametrize("text", ["", "4", "-5", "often", "99999999999", "1.5"])
def test_another_schedule_is_refused(text):
    with pytest.raises(InputError, match="none of off, hourly"):
        schedule.parse(text)


def test_a_report_counts_more_than_it_lists():
    report = Report(unheard)
    for n in range(1500):
        report.add("added", f"{n}.md")
    report.add("unchanged", "same.md")
    assert (report.counts["added"], len(report.lines)) == (1500, 1000)
    assert report.sentence == "1,500 added, 1 unchanged."


def test_what_a_site_calls_its_pages_is_text_on_the_screen():
    source = FollowedSource(SourceId(1), HOSTILE, HOSTILE, True, 60, True, "", HOSTILE, NOW)
    lines = [ReportLine("failed", HOSTILE, HOSTILE, (HOSTILE,)).as_json()]
    run = SourceRun(1, SourceId(1), HOSTILE, NOW, NOW, "waiting", HOSTILE, {}, lines, [HOSTILE])
    row = rows.SourceRow(source, 3, run, None, None)
    shown = rows.head(row) + rows.lines(row) + rows.source_list([row], row)
    assert "<img" not in shown
    assert "waits for you" in shown
    assert "kept encrypted" in shown


def test_what_needs_a_person_stands_first():
    found = [
        ReportLine("added", "a"),
        ReportLine("skipped", "b"),
        ReportLine("failed", "c"),
        ReportLine("waiting", "d"),
    ]
    source = FollowedSource(SourceId(1), "/in", "default", True, 60, False, "", "ada", NOW)
    run = SourceRun(
        1, SourceId(1), "ada", NOW, NOW, "waiting", "x", {}, [x.as_json() for x in found], ["d"]
    )
    shown = rows.lines(rows.SourceRow(source, 3, run, None, None))
    places = [shown.index(f">{key}<") for key in "dcab"]
    assert places == sorted(places)
