"""Which document a name means."""

from __future__ import annotations

import pytest

from pipelines.search.choosing import best
from pipelines.store.choices import Choosable

SOURCES = ["/a/report.pdf", "/b/report.pdf", "/a/Report 2020.pdf", "/a/old report.docx"]
FOUND = [
    Choosable(n, source.rpartition("/")[2], source, "default") for n, source in enumerate(SOURCES)
]


@pytest.mark.parametrize(
    ("name", "fitting"),
    [
        ("/b/report.pdf", [1]),  # its source
        ("REPORT.PDF", [0, 1]),  # the whole title
        ("report 2020", [2]),  # the title without its ending
        ("report", [0, 1]),
        ("rep", [0, 1, 2, 3]),  # a part
    ],
)
def test_a_name_means_the_documents_that_it_fits_best(name, fitting):
    assert [one.id for one in best(name, FOUND)] == fitting
