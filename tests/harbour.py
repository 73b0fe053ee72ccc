"""Two small documents about a harbour that does not exist, with facts that no model knows."""

from __future__ import annotations

from pathlib import Path

REPORT = [
    (
        "Saltmere Harbour in 2023",
        "Saltmere Harbour is run by a trust of its three parishes. The trust keeps two piers, a "
        "slipway and the old light. In 2023 the harbour handled 412,000 tonnes of cargo, most of "
        "it timber and grain. The herring fleet landed 1,930 tonnes, the least since 1998.",
    ),
    (
        "The new ferry terminal",
        "The ferry terminal opened on 14 May 2023 after two years of works. Building the terminal "
        "cost 4.2 million pounds, of which the county paid a third. The terminal has two berths "
        "and a hall for 300 passengers. Ferries to Orrin Island now leave every 40 minutes.",
    ),
    (
        "Money",
        "Revenue of the trust rose to 9.6 million pounds in 2023 from 8.1 million pounds the year "
        "before. Mooring fees brought 2.4 million pounds of it. The trust employs 87 people, and "
        "the harbour master is Edda Thorne.",
    ),
]
RULES = """# Rules of the marina

## When must a boat be moved?

A boat must leave its berth within 48 hours after the harbour master asks for it in writing.

## What does a night on the visitors' pier cost?

A night on the visitors' pier costs 18 pounds for boats under ten metres and 27 pounds above.

## Hostile notes

<script>document.title = "taken"</script> <img src="http://203.0.113.9/spy.png" onerror="document.title='taken'">
The tariff of the dry dock is [shown here](javascript:document.title='taken') and ![by ship](http://203.0.113.9/ship.png) only.
"""


def write(folder: Path) -> list[Path]:
    """The report, as a PDF of three pages, and the rules, as Markdown."""
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
