"""Mails are read with what is attached to them."""

from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from tests import made
from tests.kinds import read, titles
from tests.unit.test_readers import pdf


def test_a_mail_is_read_with_its_attachments():
    inner = made.mail("The valve is DN 80.", subject="Valve")
    found = read(
        made.mail(
            "The pumps arrive on Friday.",
            attached={
                "terms.pdf": pdf("Payment within 14 days", "Second page"),
                "old.eml": inner,
                "tool.exe": b"MZ\x00",
                "empty.txt": b"",
            },
        ),
        "a.eml",
    )
    assert titles(found) == [
        (1, "Delivery of the pumps"),
        (1, "terms.pdf"),
        (2, "page 1"),
        (2, "page 2"),
        (1, "old.eml"),
        (2, "Valve"),
    ]
    for text in ("From: Ada <ada@example.org>", "arrive on Friday", "within 14 days", "DN 80"):
        assert text in found.text
    assert [found.text[at:].startswith(t) for at, _, t in found.headings if "page" not in t] == [
        True
    ] * 4
    page_2 = next(at for at, _, title in found.headings if title == "page 2")
    assert found.text[page_2:].startswith("Second page")
    assert found.notes == [
        "'empty.txt' not read: it is empty (0 bytes)",
        "1 file of a kind that Attune does not read: tool.exe",
    ]


def test_a_mail_in_a_mail_and_its_html_are_read():
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See the attached mail.")
    inner = EmailMessage()
    inner["Subject"] = "Prices"
    inner.set_content("See the table.")
    inner.add_alternative(
        "<table><tr><th>Part</th><th>Price</th></tr><tr><td>K-53</td><td>171 EUR</td></tr></table>",
        subtype="html",
    )
    outer.add_attachment(inner)
    found = read(outer.as_bytes(), "a.eml")
    assert "See the attached mail." in found.text
    assert "Part: K-53; Price: 171 EUR" in found.text
    assert (1, "Prices.eml") in titles(found)


def test_an_outlook_mail_is_read_with_its_attachments():
    found = read(made.outlook("Offer", "We offer 12 pumps.", {"a.txt": b"Valid to May"}), "a.msg")
    assert found.text == "Offer\n\nWe offer 12 pumps.\n\na.txt\n\nValid to May"
    assert titles(found) == [(1, "Offer"), (1, "a.txt")]


def test_a_mail_of_an_unknown_charset_is_read():
    raw = (
        b"Subject: Hi\r\nContent-Type: text/plain; charset=x-nobody\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    )
    assert "Grüße" in read(raw, "a.eml").text


def test_a_page_after_a_text_is_no_other_version_of_it():
    """Some programs write words first and a page below them. Neither may go for the other."""
    mail = MIMEMultipart("mixed")
    mail["Subject"] = "Gate"
    mail.attach(MIMEText("The code of the gate is 5512."))
    mail.attach(
        MIMEText("<p>The <b>lock</b> was changed on 9 May and has a key of its own.</p>", "html")
    )
    found = read(mail.as_bytes(), "a.eml").text
    assert "code of the gate is 5512" in found
    assert "changed on 9 May" in found
