"""Scans and pictures of text, made for tests."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas


def picture(*lines: str, size: tuple[int, int] = (1400, 500)) -> Image.Image:
    """A picture with lines of black text."""
    drawn = Image.new("RGB", size, "white")
    font = ImageFont.load_default(size=60)
    for number, line in enumerate(lines):
        ImageDraw.Draw(drawn).text((60, 60 + 110 * number), line, fill="black", font=font)
    return drawn


def encoded(drawn: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file of a kind such as PNG."""
    file = io.BytesIO()
    drawn.save(file, kind, **options)
    return file.getvalue()


def scanned(*pages: str | Image.Image) -> bytes:
    """A PDF of pages with text and of pages that are pictures."""
    file = io.BytesIO()
    sheet = canvas.Canvas(file, invariant=1)
    for page in pages:
        if isinstance(page, str):
            sheet.drawString(72, 700, page)
        else:
            sheet.drawImage(ImageReader(page), 40, 400, width=500, height=180)
        sheet.showPage()
    sheet.save()
    return file.getvalue()
