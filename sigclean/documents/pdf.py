"""The pages of a PDF, drawn by pdfium."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image

from sigclean.documents.page import Document, Page
from sigclean.errors import ImageError, PasswordError
from sigclean.images import MAX_PIXELS

POINTS = 72  # points of an inch
FULL = 0.95  # share of a page that its scan covers, at least
LEAST_SCAN_DPI = 72  # dots per inch; a coarser picture on the page is a background, not a scan
BY_OPTION = " (--password)"  # how the command line takes a password
MOST_WORDS = 100_000  # objects of a page: the recognised words over a scan are fewer

_pdfium = Lock()  # pdfium serves one thread at a time, whatever the document


class PdfPages(Document):
    """A PDF. Scripts in it are never run.

    Args:
        content: its path, or its bytes.
        dpi: dots per inch of pages that are not scans.

    Raises:
        ImageError: it is encrypted, broken or empty.
    """

    def __init__(self, content: Path | bytes, name: str, password: str | None, dpi: int) -> None:
        super().__init__(name)
        self._dpi = dpi
        with _pdfium:
            self._pdf = _load(content, name, password)
            self._count = len(self._pdf)

    def __len__(self) -> int:
        return self._count

    def size(self, number: int) -> tuple[int, int]:
        with _pdfium, self._page(number) as page:
            return _pixels(page, _scan_scale(page, self._dpi) or self._dpi / POINTS)

    def read(self, number: int) -> Page:
        with _pdfium, self._page(number) as page:
            width, height = page.get_size()
            scan = _scan_scale(page, self._dpi)
            size = _pixels(page, scan or self._dpi / POINTS)
            image = _draw(page, size)
        image.info["dpi"] = (size[0] * POINTS / width, size[1] * POINTS / height)
        image.info["page"] = "scan" if scan else "drawn"  # no crop, see `windows.page_window`
        return Page(number, image, (width, height))

    def close(self) -> None:
        with _pdfium:
            self._pdf.close()

    @contextmanager
    def _page(self, number: int) -> Iterator[Any]:
        """Yield an open page; the caller holds the lock. Raises ImageError if it is broken."""
        import pypdfium2

        page = None
        try:
            page = self._pdf[number - 1]
            if min(page.get_size()) <= 0:
                raise ImageError(f"{self.page_name(number)} has no area")
            yield page
        except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
            if isinstance(error, ImageError):
                raise
            name = self.page_name(number)
            raise ImageError(f"{name} is truncated or broken, and cannot be read") from error
        finally:
            if page is not None:
                page.close()


def _load(content: Path | bytes, name: str, password: str | None) -> Any:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(content, password=password)
    except pypdfium2.PdfiumError as error:
        raise _problem(content, name, password, error.err_code) from error
    with suppress(pypdfium2.PdfiumError):  # a form that cannot be filled in is still a page
        pdf.init_forms()
    return pdf


def _problem(
    content: Path | bytes, name: str, password: str | None, code: int | None
) -> ImageError:
    """The error for a PDF that was not opened, by pdfium's code of its last error."""
    import pypdfium2.raw as pdfium

    if _has_no_pages(content, password):  # no error to pdfium, whose code is then an older one
        return ImageError(f"{name} is a PDF without pages")
    if code == pdfium.FPDF_ERR_PASSWORD and password:
        return PasswordError(f"{name} is encrypted, and the password is wrong")
    if code == pdfium.FPDF_ERR_PASSWORD:
        return PasswordError(f"{name} is encrypted: its password is needed{BY_OPTION}")
    if code == pdfium.FPDF_ERR_SECURITY:
        return ImageError(f"{name} is encrypted in a way that is not supported")
    return ImageError(f"{name} is truncated or broken, and cannot be read")


def _has_no_pages(content: Path | bytes, password: str | None) -> bool:
    import pypdfium2.raw as pdfium

    data = content.read_bytes() if isinstance(content, Path) else content
    key = None if password is None else password.encode() + b"\0"
    pdf = pdfium.FPDF_LoadMemDocument64(data, len(data), key)
    if pdf:
        pdfium.FPDF_CloseDocument(pdf)
    return bool(pdf)


def _pixels(page: Any, scale: float) -> tuple[int, int]:
    """Choose width and height of a page in pixels, at most `MAX_PIXELS`.

    Args:
        scale: pixels for each point: those of its scan if it is nothing else.
    """
    width, height = page.get_size()
    scale = min(scale, math.sqrt(MAX_PIXELS / (width * height)))
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return min(across, MAX_PIXELS // down), min(down, MAX_PIXELS // min(across, MAX_PIXELS))


def _scan_scale(page: Any, dpi: int) -> float | None:
    """The pixels for each point of the scan that a page consists of; None for any other page.

    The words that a scanner has recognised and written invisibly over its picture do not count.
    """
    import pypdfium2.raw as pdfium

    scan = None
    for count, item in enumerate(page.get_objects(max_depth=1)):
        if count > MOST_WORDS:
            return None
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE and scan is None:
            scan = item
        elif item.type != pdfium.FPDF_PAGEOBJ_TEXT or not _is_invisible(item):
            return None
    if scan is None or not _covers(scan.get_bounds(), page.get_bbox()):
        return None
    a, b, c, d, *_ = scan.get_matrix().get()
    across, down = scan.get_px_size()
    width, height = math.hypot(a, b), math.hypot(c, d)
    if not (width and height):
        return None  # drawn as a line
    scale = max(across / width, down / height)
    if scale * POINTS < LEAST_SCAN_DPI:
        return None
    drawn_over = pdfium.FPDFPage_GetAnnotCount(page) > 0
    return max(scale, dpi / POINTS) if drawn_over else scale


def _is_invisible(text: Any) -> bool:
    import pypdfium2.raw as pdfium

    return pdfium.FPDFTextObj_GetTextRenderMode(text) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE


def _covers(box: tuple[float, ...], page: tuple[float, ...]) -> bool:
    """Tell whether a box (left, bottom, right, top) covers nearly all of the page's."""
    width = min(box[2], page[2]) - max(box[0], page[0])
    height = min(box[3], page[3]) - max(box[1], page[1])
    area = (page[2] - page[0]) * (page[3] - page[1])
    return width > 0 and height > 0 and width * height >= FULL * area


def _draw(page: Any, size: tuple[int, int]) -> Image.Image:
    """Draw a page, its annotations and its filled-in form on white."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    bitmap = pypdfium2.PdfBitmap.new_native(*size, pdfium.FPDFBitmap_BGR, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    flags = (
        pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER | pdfium.FPDF_RENDER_LIMITEDIMAGECACHE
    )
    place = (bitmap, page, 0, 0, *size, 0, flags)
    pdfium.FPDF_RenderPageBitmap(*place)
    if page.formenv:
        pdfium.FPDF_FFLDraw(page.formenv, *place)
    image: Image.Image = bitmap.to_pil().copy()
    bitmap.close()
    return image
