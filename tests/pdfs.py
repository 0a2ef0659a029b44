"""PDFs for tests, written object by object, or by reportlab."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

A4 = (595, 842)  # points


def raw_pdf(objects: Sequence[str]) -> bytes:
    """A PDF of these objects, the first of which is its catalog."""
    content, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R>>\n"
    return content + f"{end}startxref\n{len(content)}\n%%EOF\n".encode()


def blank_pdf(
    pages: int = 1, size: tuple[float, float] = A4, catalog: str = "", content: str = "0 g"
) -> bytes:
    """A PDF whose pages share one stream of drawing commands."""
    kids = " ".join(f"{number} 0 R" for number in range(4, 4 + pages))
    box = f"/MediaBox[0 0 {size[0]} {size[1]}]"
    return raw_pdf(
        [
            f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
            f"<</Type/Pages/Count {pages}/Kids[{kids}]>>",
            f"<</Length {len(content)}>>\nstream\n{content}\nendstream",
            *[f"<</Type/Page/Parent 2 0 R{box}/Contents 3 0 R/Resources<<>>>>"] * pages,
        ]
    )


def signed_pdf(
    picture: str | Path | Image.Image,
    size: tuple[float, float] = A4,
    box: tuple[float, float, float, float] = (72, 200, 300, 130),
    password: str | None = None,
    pages: int = 1,
) -> bytes:
    """A PDF on whose pages a picture is pasted: `box` is left, bottom, width and height in points;
    each page says its number."""
    file = io.BytesIO()
    locked = StandardEncryption(password, canPrint=0) if password else None
    canvas = Canvas(file, pagesize=size, encrypt=locked)
    drawn = ImageReader(picture)
    for number in range(1, pages + 1):
        canvas.drawString(72, size[1] - 72, f"This is page {number}.")
        canvas.drawImage(drawn, *box)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def text_pdf(pages: int = 1, password: str | None = None) -> bytes:
    """A PDF of A4 pages, each with a line of text and a black square an inch wide."""
    file = io.BytesIO()
    locked = StandardEncryption(password, canPrint=0) if password else None
    canvas = Canvas(file, pagesize=A4, encrypt=locked)
    for number in range(1, pages + 1):
        canvas.drawString(72, 700, f"This is page {number}.")
        canvas.rect(72, 72, 72, 72, fill=1)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
