"""Documents: every page of PDF, TIFF and HEIC files is read, or named."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from pdfs import blank_pdf, raw_pdf, text_pdf
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from sigclean.documents import open_document, read_pages
from sigclean.documents.pages import is_document
from sigclean.drawn import draw_signature
from sigclean.errors import ImageError, SigcleanError
from sigclean.images import MAX_PIXELS, read_image

pillow_heif.register_heif_opener()  # to write HEIC; it is read by the package's own reader
Image.OPEN.pop("HEIF"), Image.ID.remove("HEIF")


def signature(seed: int, size: tuple[int, int] = (90, 40)) -> Image.Image:
    return draw_signature(np.random.default_rng(seed), *size).convert("RGB")


def tiff(pages: list[Image.Image], **options: object) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], **options)
    return file.getvalue()


def heic(pages: list[Image.Image], **options: object) -> bytes:
    file = io.BytesIO()
    heif = pillow_heif.HeifFile()
    for page in pages:
        heif.add_from_pillow(page)
    heif.save(file, quality=90, **options)
    return file.getvalue()


def problem(source: bytes | Path, **options: object) -> str:
    """The sentence that a document which cannot be read is refused with."""
    with pytest.raises(ImageError) as caught:
        next(read_pages(source, **options))  # type: ignore[arg-type]
    return str(caught.value)


def errors(content: bytes | Path) -> list[str]:
    """What is said of each broken page; an empty string for one that was read."""
    return [
        str(page.picture) if isinstance(page.picture, ImageError) else ""
        for page in read_pages(content)
    ]


def test_pages_of_a_pdf_are_drawn_at_300_dpi_and_have_their_size_in_points() -> None:
    first, second = read_pages(text_pdf(2))
    assert (first.number, second.number) == (1, 2)
    assert first.points == second.points == (595, 842)
    assert first.image.size == (2479, 3508)
    assert first.dpi == pytest.approx((300, 300), abs=0.1)
    black = np.asarray(first.image.convert("L")) < 128
    assert black.sum() == pytest.approx(300 * 300, rel=0.1)  # the square, and some text
    assert black[-450, 450]
    assert [one.image.size for one in read_pages(text_pdf(), dpi=72)] == [(595, 842)]


def test_a_scan_in_a_pdf_is_read_at_its_own_resolution_with_its_own_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (330, 240, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PDF", resolution=137.0, quality=100, subsampling=0)
    [page] = read_pages(file.getvalue())
    assert page.image.size == (240, 330)
    assert page.dpi == pytest.approx((137, 137), rel=0.01)
    difference = np.abs(np.asarray(page.image).astype(int) - noise)
    assert difference.mean() < 3  # JPEG's


def test_a_picture_that_is_squeezed_into_the_pages_diagonal_is_no_scan() -> None:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(172.8, 237.6))
    canvas.transform(0, 0, 172.8, 237.6, 0, 0)
    canvas.drawInlineImage(Image.new("RGB", (40, 60), "navy"), 0, 0, 1, 1)
    canvas.save()
    assert [page.image.size for page in read_pages(io.BytesIO(file.getvalue()))] == [(720, 990)]


def test_a_page_with_more_than_a_scan_is_drawn_at_300_dpi(tmp_path: Path) -> None:
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    for words, size in ((0, (240, 330)), (3, (240, 330)), (1, (720, 990))):
        canvas = Canvas(str(tmp_path / "scan.pdf"), pagesize=(172.8, 237.6))
        canvas.drawImage(ImageReader(Image.new("RGB", (240, 330), "white")), 0, 0, 172.8, 237.6)
        if words:
            text = canvas.beginText(20, 20)
            text.setTextRenderMode(words)  # 3 is invisible: what a scanner has recognised
            text.textLine("words")
            canvas.drawText(text)
        canvas.save()
        assert [page.image.size for page in read_pages(tmp_path / "scan.pdf")] == [size]


def test_every_way_to_give_a_document_gives_the_same_pages(tmp_path: Path) -> None:
    path = tmp_path / "two.pdf"
    path.write_bytes(text_pdf(2))
    with path.open("rb") as file:
        ways = [list(read_pages(one, dpi=72)) for one in (path, str(path), path.read_bytes(), file)]
    for pages in ways:
        assert [page.image.tobytes() for page in pages] == [p.image.tobytes() for p in ways[0]]


def test_ordinary_and_animated_pictures_are_one_page(tmp_path: Path) -> None:
    animated = tmp_path / "animated.gif"
    frames = [signature(seed) for seed in range(3)]
    frames[0].save(animated, save_all=True, append_images=frames[1:])
    for source in (animated, frames[0], np.asarray(frames[0])):
        [page] = read_pages(source)
        assert page.image.size == frames[0].size
        assert page.points is None
        assert np.array_equal(page.image, read_image(source))


def test_every_page_of_a_tiff_is_read_each_with_its_own_size_and_resolution() -> None:
    pages = [signature(seed, (90 + seed, 40)) for seed in range(3)]
    pages[1] = pages[1].convert("1")
    for found, page in zip(read_pages(tiff(pages, dpi=(200, 100))), pages, strict=True):
        assert np.array_equal(found.image, page.convert("RGB"))
        assert found.dpi == (200, 100)


def test_a_broken_page_of_a_tiff_is_named_and_the_199_others_are_read() -> None:
    pages = [signature(seed % 5) for seed in range(200)]
    content = bytearray(tiff(pages, compression="tiff_deflate"))
    with Image.open(io.BytesIO(content)) as opened:
        opened.seek(76)
        start = opened.tag_v2[273][0]  # the offset of its pixels
    content[start : start + 8] = bytes(8)
    said = errors(bytes(content))
    assert said[76] == "page 77 of the picture is truncated or broken, and cannot be read"
    assert [place for place, one in enumerate(said) if one] == [76]


def test_a_tiff_that_is_cut_in_half_names_the_page_from_which_on_it_is_lost() -> None:
    content = tiff([signature(seed) for seed in range(6)])
    *whole, last = errors(content[: len(content) // 2])
    assert len(whole) >= 2
    assert last.endswith("is truncated or broken, and cannot be read, nor can pages after it")


def test_a_heic_is_read_with_all_its_pictures() -> None:
    pages = [signature(seed) for seed in range(10)]
    found = list(read_pages(heic(pages)))
    assert [page.number for page in found] == list(range(1, 11))
    for page, one in zip(found, pages, strict=True):
        assert np.abs(np.asarray(page.image).astype(int) - np.asarray(one)).mean() < 12


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_is_turned_upright_once(orientation: int) -> None:
    image = signature(1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "HEIF", exif=exif.tobytes(), quality=90)
    [page] = read_pages(file)
    plain = io.BytesIO()
    image.save(plain, "PNG", exif=exif)
    upright = read_image(plain)
    assert page.image.size == upright.size
    assert np.abs(np.asarray(page.image).astype(int) - np.asarray(upright)).mean() < 12
    assert read_image(file).size == upright.size  # as a picture, too


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_cut_heic_is_one_sentence(share: float) -> None:
    content = heic([signature(0, (300, 200))])
    with pytest.raises(ImageError) as caught:
        next(read_pages(content[: int(len(content) * share)])).image  # noqa: B018
    assert str(caught.value) == "the picture is truncated or broken, and cannot be read"


def test_an_encrypted_pdf_needs_its_password() -> None:
    content = text_pdf(password="open sesame")
    assert problem(content) == ("the picture is encrypted: its password is needed (--password)")
    assert problem(content, password="no") == "the picture is encrypted, and the password is wrong"
    [page] = read_pages(content, password="open sesame", dpi=72)
    assert np.asarray(page.image).min() == 0


def test_3000_pages_are_drawn_one_by_one_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(blank_pdf(3000, content="72 72 72 72 re f"))
    script = (
        "import resource, sys; from sigclean.documents import read_pages\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for page in read_pages(sys.argv[1], dpi=50):\n"
        "    if page.number == 100: early = peak()\n"
        "print(page.number, peak() - early)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    pages, growth = map(int, done.stdout.split())
    assert pages == 3000
    assert growth < 20_000  # kilobytes


def test_a_page_of_ten_metres_is_drawn_in_as_many_pixels_as_a_picture_may_have() -> None:
    ten = 10_000 / 25.4 * 72
    with open_document(blank_pdf(size=(ten, ten / 2))) as document:
        width, height = document.size(1)
    assert 0.99 * MAX_PIXELS < width * height <= MAX_PIXELS
    for size in ((ten, 1), (1, ten), (ten, 0.01)):
        [page] = read_pages(blank_pdf(size=size))
        assert page.image.width * page.image.height <= MAX_PIXELS


def test_scripts_in_a_pdf_are_not_run() -> None:
    action = "/OpenAction<</S/JavaScript/JS(app.alert\\(1\\); while \\(true\\) {})>>"
    [page] = read_pages(blank_pdf(catalog=action), dpi=72)
    assert np.asarray(page.image).min() == 255


def test_a_pdf_without_pages_and_a_broken_one_are_one_sentence_each() -> None:
    none = raw_pdf(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 0/Kids[]>>"])
    assert problem(none) == "the picture is a PDF without pages"
    assert problem(b"%PDF-1.7 and nothing else") == (
        "the picture is truncated or broken, and cannot be read"
    )


def test_a_pdf_that_is_cut_in_half_is_read_as_far_as_it_goes_or_refused() -> None:
    content = text_pdf(20)
    try:
        said = errors(content[: len(content) // 2])
    except ImageError as error:
        said = [str(error)]
    assert any("is truncated or broken, and cannot be read" in one for one in said)


def test_a_broken_page_of_a_pdf_is_named_and_the_others_are_drawn() -> None:
    content = blank_pdf(3).replace(b"4 0 R 5 0 R 6 0 R", b"4 0 R 9 0 R 6 0 R")
    assert errors(content) == [
        "",
        "page 2 of the picture is truncated or broken, and cannot be read",
        "",
    ]


def test_a_zip_renamed_to_pdf_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "contract.pdf"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "b")
    assert problem(path) == f"{path} is not a PDF, whatever its name says"
    path.write_bytes(b"")
    assert problem(path) == f"{path} is empty (0 bytes)"


def test_a_picture_renamed_to_pdf_is_read(tmp_path: Path) -> None:
    signature(0).save(tmp_path / "picture.png")
    path = (tmp_path / "picture.png").rename(tmp_path / "picture.pdf")
    assert len(list(read_pages(path))) == 1


def test_a_pdf_as_a_picture_is_refused_with_what_to_do() -> None:
    with pytest.raises(ImageError, match="sigclean clean"):
        read_image(text_pdf())


@pytest.mark.parametrize("dpi", [20, 3200])
def test_a_resolution_out_of_range_is_refused_for_what_is_drawn(dpi: int) -> None:
    with pytest.raises(SigcleanError, match=f"50 to 2400 dpi, not {dpi}"):
        next(read_pages(text_pdf(), dpi=dpi))
    [page] = read_pages(tiff([signature(1)]), dpi=dpi)
    assert page.image.size == (90, 40)


def test_an_open_file_is_read_from_its_start(tmp_path: Path) -> None:
    for content in (text_pdf(), tiff([signature(1)])):
        file = io.BytesIO()
        file.write(content)
        [_] = read_pages(file)
        path = tmp_path / "a"
        path.write_bytes(content)
        with path.open("rb") as opened:
            opened.read(5)
            [_] = read_pages(opened)


def test_pages_are_read_lazily() -> None:
    content = blank_pdf(3).replace(b"4 0 R 5 0 R 6 0 R", b"4 0 R 9 0 R 9 0 R")
    [first] = islice(read_pages(content, dpi=72), 1)
    assert first.image.size == (595, 842)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", text_pdf(), True),
        ("a.bin", text_pdf(), True),
        ("a.jpg", tiff([Image.new("L", (9, 9))]), True),
        ("a.jpg", heic([Image.new("RGB", (64, 64))]), True),
        ("a.pdf", b"PK", True),
        ("a.tif", b"text", False),
    ],
)
def test_documents_are_told_by_their_first_bytes(
    name: str, content: bytes, expected: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_document(tmp_path / name) is expected
    assert not is_document(tmp_path)


def test_pdf_and_heic_readers_are_imported_only_for_such_files() -> None:
    script = (
        "import sys, numpy; from sigclean.documents import read_pages\n"
        "list(read_pages(numpy.zeros((9, 9, 3), 'uint8')))\n"
        "print(sorted({'pypdfium2', 'pi_heif'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n"
