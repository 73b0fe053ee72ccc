"""What `attune ingest` prints about its files."""

import pytest

from app.cli.asking.report import MOST_LISTED, IngestReport
from pipelines.indexing.outcome import Outcome


def reported(count, capsys):
    """The lines printed for so many files, of which one fails and one has a warning."""
    report = IngestReport(False, {f"{n}.md": f"{n}.md" for n in range(count)})
    for n in range(count - 2):
        report.add(f"{n}.md", Outcome(f"{n}.md", "indexed", chunks=1))
    report.add("broken.pdf", Outcome("broken.pdf", "failed", reason="the file is damaged"))
    report.add("odd.md", Outcome("odd.md", "indexed", chunks=1, warnings=["2 characters removed"]))
    assert len(report.listed) == count
    return capsys.readouterr().out.splitlines()


def test_each_of_a_few_files_is_listed(capsys):
    assert len(reported(MOST_LISTED, capsys)) == MOST_LISTED + 1


@pytest.mark.parametrize("count", [MOST_LISTED + 1, 10_000])
def test_of_many_files_those_that_need_a_look_are_listed(count, capsys):
    """Ten thousand lines would hide the one that matters."""
    told = reported(count, capsys)
    assert told == [
        f"{count:,} files. Listed are those that fail or have a warning; --json lists all.",
        "failed     broken.pdf  the file is damaged",
        "indexed    odd.md  1 passage in 0.0 s",
        "           warning: 2 characters removed",
    ]
