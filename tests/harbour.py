"""Two small documents about an invented harbour, with facts that no model knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving import Served, serving

REPORT = [
    (
        "Saltmere Harbour in 2023",
        "Saltmere Harbour is run by a trust of its three parishes. The trust keeps two piers, a "
        "slipway and the old light. In 2023 the harbour handled 412,000 tonnes of cargo, most of "
        "it timber and grain. The herring fleet landed 1,930 tonnes, the least since 1998. Dredging "
        "of the north channel went on until September and deepened it to seven metres at low "
        "water, so that coasters no longer wait for the tide.",
    ),
    (
        "The new ferry terminal",
        "The ferry terminal opened on 14 May 2023 after two years of works. Building the terminal "
        "cost 4.2 million pounds, of which the county paid a third. The terminal has two berths "
        "and a hall for 300 passengers. Ferries to Orrin Island now leave every 40 minutes. The "
        "old ticket hut on the east pier was given to the sailing school, which had asked for it "
        "since the storm of 2019 took its boathouse.",
    ),
    (
        "Money",
        "Revenue of the trust rose to 9.6 million pounds in 2023 from 8.1 million pounds the year "
        "before. Mooring fees brought 2.4 million pounds of it. The trust employs 87 people, and "
        "the harbour master is Edda Thorne. The trust put 0.7 million pounds aside for the repair "
        "of the old light, whose lamp has been dark since the spring, and owes no bank anything.",
    ),
]
RULES = """# Rules of the marina

## When must a boat be moved?

A boat must leave its berth within 48 hours after the harbour master asks for it in writing. The
letter is sent to the address that was given when the berth was rented, and pinned to the board at
the gate. Whoever is at sea when it is sent has until 48 hours after the return. A boat that stays
longer may be towed to the outer moorings; its owner pays for the tow, and the berth may be let to
somebody else from the next day on.

## What does a night on the visitors' pier cost?

A night on the visitors' pier costs 18 pounds for boats under ten metres and 27 pounds above.
Water and power are part of it; a hot shower takes a token from the office. Between October and
March a third night is free. Boats of the lifeboat crew and of the fishery patrol pay nothing. The
money goes into the box at the head of the pier or to the harbour office, which is open from seven
in the morning until the last ferry has left.

## The dry dock

<script>document.title = "taken"</script> <img src="http://203.0.113.9/spy.png" onerror="document.title='taken'">

Do not paste `<script>document.title = "taken"</script>` or `<img src="http://203.0.113.9/spy.png" onerror="document.title='taken'">` here.
The tariff of the dry dock is [shown here](javascript:document.title='taken') and ![by ship](http://203.0.113.9/ship.png) only.
It lists the daily rate of the dock, the rate of the crane with its driver, and the fee for washing
down a hull, each for boats below and above ten metres; the dock is booked a week ahead.
"""


def write(folder: Path) -> list[Path]:
    """Write the report as a PDF of three pages, and the rules as Markdown."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

    styles = getSampleStyleSheet()
    report, rules = folder / "harbour-report-2023.pdf", folder / "marina-rules.md"
    story = []
    for heading, text in REPORT:
        story += [Paragraph(heading, styles["Heading1"]), Paragraph(text, styles["BodyText"])]
        story.append(PageBreak())
    SimpleDocTemplate(str(report), title="Saltmere Harbour report 2023").build(story)
    rules.write_text(RULES, encoding="utf-8")
    return [report, rules]


@contextmanager
def served(**environment: str) -> Iterator[Served]:
    """A server that has the two documents."""
    with serving(documents=write, **environment) as server:
        yield server
