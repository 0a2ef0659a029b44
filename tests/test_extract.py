"""`sigclean extract` and `SignatureCleaner.extract`: signatures of documents, found and cleaned."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pdfs import blank_pdf, text_pdf
from PIL import Image, ImageChops, ImageDraw, ImageFont

from sigclean import SignatureCleaner
from sigclean.bulk.jobs import Job
from sigclean.bulk.known_pages import finished_pages, is_finished
from sigclean.cli import main
from sigclean.documents import Page
from sigclean.drawn import draw_signature
from sigclean.errors import ImageError
from sigclean.extraction.signatures import clean_signatures, find_signatures

WIDTH, HEIGHT, DPI = 1240, 1754, 150  # A4
PLACE = (700, 1300)  # left and top of the drawn signature
SIZE = (320, 150)

PACKAGED = ("--runtime", "onnx", "--device", "cpu")


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(device="cpu", runtime="onnx")


def blank() -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT), "white")


@pytest.fixture(scope="module")
def signed() -> Image.Image:
    """A page of print, with a drawn signature."""
    page = blank()
    draw = ImageDraw.Draw(page)
    for y in range(150, 1000, 34):
        draw.text((150, y), "the quick brown fox jumps over the lazy dog " * 2, "black")
    ink = draw_signature(np.random.default_rng([3, 8]), *SIZE).convert("RGB")
    whole = blank()
    whole.paste(ink, PLACE)
    return ImageChops.multiply(page, whole)


@pytest.fixture(scope="module")
def contract(signed: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF of three scanned pages, the second of which is signed."""
    path = tmp_path_factory.mktemp("pdf") / "contract.pdf"
    blank().save(path, save_all=True, append_images=[signed, blank()], resolution=DPI)
    return path


def extract(source: Path, out: Path, *options: str | Path) -> int:
    return main(["extract", str(source), "-o", str(out), *map(str, options), *PACKAGED])


def lines(out: Path) -> list[dict[str, Any]]:
    """The lines of a folder's manifest, sorted by source."""
    found = [json.loads(line) for line in (out / "signatures.jsonl").read_text().splitlines()]
    return sorted(found, key=lambda line: line["source"])


def test_signatures_of_a_document_are_found_cleaned_and_named_by_page(
    contract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "out", tmp_path / "signed.csv"
    assert extract(contract, out, "--report", report, "--svg") == 0
    assert sorted(path.name for path in out.iterdir()) == [
        *("contract.p2.1.png", "contract.p2.1.svg", "signatures.jsonl")
    ]
    assert capsys.readouterr().err == "sigclean: 1 signature on 1 of 3 pages\n"
    first, second, third = lines(out)
    assert (first["status"], third["status"]) == ("unsigned", "unsigned")
    assert second["source"] == f"{contract}#page=2&signature=1"
    assert (second["page"], second["signature"]) == (2, 1)
    left, top, right, bottom = second["box"]
    assert left <= PLACE[0] + 60 and top <= PLACE[1] + 60
    assert right >= PLACE[0] + SIZE[0] - 60 and bottom >= PLACE[1] + SIZE[1] - 60
    assert right - left < 2 * SIZE[0] and bottom - top < 2 * SIZE[1]
    points = [left, HEIGHT - bottom, right, HEIGHT - top]
    assert second["points"] == pytest.approx([side * 72 / DPI for side in points], abs=0.5)
    with Image.open(out / "contract.p2.1.png") as result:
        assert result.mode == "RGBA"
        assert result.size == (right - left, bottom - top)
        assert result.info["dpi"] == pytest.approx((DPI, DPI), rel=0.01)
    with report.open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0][:4] == ["file", "page", "signatures", "best score"]
    assert [row[1:3] for row in table[1:]] == [["1", "0"], ["2", "1"], ["3", "0"]]
    assert float(table[2][3]) == second["score"]


def test_the_python_interface_finds_the_same(
    contract: Path, cleaner: SignatureCleaner, tmp_path: Path
) -> None:
    [found] = cleaner.extract(contract)
    assert (found.page, found.number) == (2, 1)
    assert found.image.mode == "RGBA"
    assert extract(contract, tmp_path / "out", "--white") == 0
    assert list(found.box) == lines(tmp_path / "out")[1]["box"]
    [white] = cleaner.extract(contract, transparent=False)
    with Image.open(tmp_path / "out" / "contract.p2.1.png") as result:
        assert np.array_equal(result, white.image)


def test_no_pixel_of_a_signature_is_darker_than_the_pages(
    signed: Image.Image, cleaner: SignatureCleaner
) -> None:
    [found] = cleaner.extract(signed, transparent=False)
    assert (np.asarray(found.image) >= np.asarray(signed.crop(found.box)).astype(int) - 1).all()


def test_a_signature_of_a_dark_page_is_found_inverted(
    signed: Image.Image, cleaner: SignatureCleaner
) -> None:
    negative = ImageChops.invert(signed)
    [found] = find_signatures(Page(1, negative), cleaner, "always")
    [upright] = find_signatures(Page(1, signed), cleaner)
    assert (found.inverted, upright.inverted) == (True, False)
    assert np.array_equal(found.image, upright.image)


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270])
def test_a_signature_of_a_page_on_its_side_can_be_read(
    turn: Image.Transpose, tmp_path: Path
) -> None:
    page, font = blank(), ImageFont.load_default(24)
    draw = ImageDraw.Draw(page)
    for y in range(150, 1000, 44):
        draw.text((150, y), "the quick brown fox jumps over the lazy dog", "black", font)
    page.paste(draw_signature(np.random.default_rng([3, 8]), *SIZE).convert("RGB"), PLACE)
    lying = page.transpose(turn)
    padded = Image.new("RGB", (lying.width + 200, lying.height))  # a dark strip at the left
    padded.paste(lying, (200, 0))
    padded.save(tmp_path / "lying.png", dpi=(204, 98))
    assert extract(tmp_path / "lying.png", tmp_path / "out", "--white") == 0
    (line,) = lines(tmp_path / "out")
    assert line["turned"] == (270 if turn == Image.Transpose.ROTATE_90 else 90)
    left, top, right, bottom = line["box"]
    clean = Image.open(tmp_path / "out/lying.p1.1.png")
    assert clean.size == (bottom - top, right - left)
    assert clean.info["dpi"] == pytest.approx((98, 204), abs=0.1)
    whole = Image.new("L", padded.size, 255)  # the result, where it lies on the page
    whole.paste(clean.convert("L").transpose(turn), (left, top))
    ink = np.asarray(padded.convert("L"))[:, 200:] < 128
    assert (ink | (np.asarray(whole)[:, 200:] >= 128)).all()
    truth = Image.new("L", page.size, 255)
    truth.paste(page.crop((*PLACE, PLACE[0] + SIZE[0], PLACE[1] + SIZE[1])).convert("L"), PLACE)
    own = np.asarray(truth.transpose(turn)) < 128
    assert (np.asarray(whole)[:, 200:][own] < 160).mean() > 0.9


def test_a_place_without_ink_when_it_is_clean_is_no_signature(
    signed: Image.Image, cleaner: SignatureCleaner
) -> None:
    def erase(image: Image.Image, invert: str) -> Image.Image:
        return Image.new("RGB", image.size, "white")

    page = Page(1, signed)
    assert list(clean_signatures(page, cleaner, erase, "auto")) == []
    [(found, clean, _)] = clean_signatures(page, cleaner, cleaner, "auto")
    assert (found.number, found.image.size) == (1, clean.size)


def test_a_restarted_run_does_unfinished_pages_alone(
    contract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert extract(contract, out) == 0
    (out / "contract.p2.1.png").write_text("mine")
    assert extract(contract, out, "--skip-existing") == 0
    assert "skipped 3 of 3 pages" in capsys.readouterr().err
    assert (out / "contract.p2.1.png").read_text() == "mine"
    (out / "contract.p2.1.png").unlink()
    assert extract(contract, out, "--skip-existing") == 0
    assert "skipped 2 of 3 pages" in capsys.readouterr().err
    assert (out / "contract.p2.1.png").read_bytes().startswith(b"\x89PNG")
    assert len(lines(out)) == 3


@pytest.mark.parametrize("options", [(), ("--skip-existing",)])
def test_pages_that_a_document_no_longer_has_have_no_lines(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    document = tmp_path / "d.pdf"
    for count in (3, 2):
        document.write_bytes(blank_pdf(count, size=(200, 100)))
        assert extract(document, tmp_path / "out", *options) == 0
        assert [line["page"] for line in lines(tmp_path / "out")] == [*range(1, count + 1)]


def test_a_run_with_drawings_does_pages_again_that_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, out = tmp_path / "p.png", tmp_path / "out"
    draw_signature(np.random.default_rng(1), 300, 120).save(page)
    assert extract(page, out) == 0
    for skipped in (False, True):
        assert extract(page, out, "--svg", "--skip-existing") == 0
        assert ("skipped 1 of 1 pages" in capsys.readouterr().err) is skipped
        assert (out / "p.p1.1.svg").is_file()


def test_results_of_a_run_that_found_more_are_removed_and_no_other_files(tmp_path: Path) -> None:
    page, out = tmp_path / "p.png", tmp_path / "out"
    blank().resize((300, 200)).save(page)
    out.mkdir()
    own, others = ("p.p1.1.png", "p.p1.1.svg"), ("p.p1.2.png", "p.p1.2.svg", "p.p2.1.png")
    for name in (*own, *others):
        (out / name).touch()
    line = {"source": f"{page}#page=1&signature=1", "target": str(out / "p.p1.1.png")}
    manifest = out / "signatures.jsonl"
    assert extract(page, out) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted((*own, *others, manifest.name))
    manifest.write_text(json.dumps({**line, "status": "cleaned"}) + "\n")
    assert extract(page, out) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted((*others, manifest.name))


def test_a_page_that_a_document_no_longer_has_is_forgotten(tmp_path: Path) -> None:
    document, out, report = tmp_path / "c.tif", tmp_path / "out", tmp_path / "r.csv"
    page = draw_signature(np.random.default_rng(1), 300, 120).convert("RGB")
    page.save(document, save_all=True, append_images=[page, page])
    assert extract(document, out) == 0
    for pages, names in ((2, ["c.p1.1.png", "c.p2.1.png"]), (1, ["c.p1.1.png"])):
        page.save(document, save_all=True, append_images=[page] * (pages - 1))
        assert extract(document, out, "--report", report) == 0
        assert sorted(path.name for path in out.glob("*.png")) == names
        assert [line["page"] for line in lines(out)] == list(range(1, pages + 1))
        assert len(report.read_text().splitlines()) == 1 + pages


def test_a_page_is_finished_when_its_first_signature_is_there(tmp_path: Path) -> None:
    manifest = tmp_path / "signatures.jsonl"
    (tmp_path / "p1.2.png").touch()
    (tmp_path / "p2.1.png").touch()
    entries = [
        ("a.pdf#page=1&signature=2", "cleaned", "p1.2.png"),
        ("a.pdf#page=2&signature=1", "cleaned", "p2.1.png"),
        ("a.pdf#page=3&signature=1", "cleaned", "p3.1.png"),
        ("a.pdf#page=4", "unsigned", ""),
        ("a.pdf#page=5", "failed", ""),
    ]
    manifest.write_text(
        "".join(
            json.dumps(
                {"source": source, "status": status, "target": target and str(tmp_path / target)}
            )
            + "\n"
            for source, status, target in entries
        )
    )
    pages = [Job(Path("a.pdf"), tmp_path / f"p{page}.png", page, 5) for page in range(1, 6)]
    finished = finished_pages(manifest)
    assert finished == {
        "a.pdf#page=2": str(tmp_path / "p2.1.png"),
        "a.pdf#page=4": "",
    }
    assert [is_finished(page, finished) for page in pages] == [False, True, False, True, False]
    webp = replace(pages[1], target=tmp_path / "p2.webp")
    assert not is_finished(webp, finished)
    assert finished_pages(tmp_path / "none.jsonl") == {}


def test_a_picture_is_extracted_into_its_own_folder(tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    draw_signature(np.random.default_rng(1), 300, 120).save(picture)
    before = picture.read_bytes()
    for _ in range(2):
        assert extract(picture, tmp_path) == 0
    assert picture.read_bytes() == before
    assert (tmp_path / "p.p1.1.png").is_file()


def test_a_folder_that_has_its_own_results_is_extracted_again(
    tmp_path: Path, signed: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    signed.save(tmp_path / "a.png")
    assert extract(tmp_path, tmp_path) == 0
    before = {path.name for path in tmp_path.iterdir()}
    assert len(before) > 2
    for options in ((), ("--skip-existing",)):
        capsys.readouterr()
        assert extract(tmp_path, tmp_path, *options) == 0
        assert {path.name for path in tmp_path.iterdir()} == before
        assert "the result of an earlier run" in capsys.readouterr().err
    assert {line["source"].split("#")[0] for line in lines(tmp_path)} == {str(tmp_path / "a.png")}


def test_a_signature_of_an_earlier_run_that_is_named_is_meant(
    tmp_path: Path, signed: Image.Image
) -> None:
    signed.save(tmp_path / "a.png")
    assert extract(tmp_path / "a.png", tmp_path / "out") == 0
    result = Path(lines(tmp_path / "out")[0]["target"])
    manifest = tmp_path / "out" / "signatures.jsonl"
    assert extract(result, tmp_path / "again", "--manifest", manifest) == 0
    assert any(line["source"].startswith(str(result)) for line in lines(tmp_path / "out"))


def test_broken_files_are_named_and_the_exit_status_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (inbox / "notes.txt").touch()
    blank().save(inbox / "blank.png")
    report = tmp_path / "signed.csv"
    assert extract(inbox, tmp_path / "out", "--report", report) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"sigclean: {inbox / 'broken.pdf'} is truncated or broken, and cannot be read",
        "sigclean: 0 signatures on 0 of 1 pages",
        "sigclean: 1 of 2 pages could not be done",
        f"sigclean: 1 file was not a picture: {inbox / 'notes.txt'}",
    ]
    with report.open(newline="") as file:
        _, good, broken = csv.reader(file)
    assert good[:4] == [str(inbox / "blank.png"), "1", "0", ""]
    assert broken[:3] == [str(inbox / "broken.pdf"), "1", ""]
    assert "broken" in broken[4]


def test_files_that_the_run_itself_writes_are_not_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank().save(tmp_path / "blank.png")
    (tmp_path / "notes.txt").touch()
    for _ in range(2):
        capsys.readouterr()
        assert extract(tmp_path, tmp_path, "--report", tmp_path / "signed.csv") == 0
    said = capsys.readouterr().err
    assert f"1 file was not a picture: {tmp_path / 'notes.txt'}\n" in said


def report_of(inputs: list[Path], out: Path, *options: str) -> tuple[int, list[list[str]]]:
    """Extract; return the exit status, and the report without its header."""
    report = out.with_suffix(".csv")
    words = [*map(str, inputs), "-o", str(out), "--report", str(report), *options, *PACKAGED]
    status = main(["extract", *words])
    with report.open(newline="", encoding="utf-8") as file:
        return status, list(csv.reader(file))[1:]


def test_the_report_names_a_broken_shard(tmp_path: Path) -> None:
    page, broken = tmp_path / "p.png", tmp_path / "broken.tar"
    blank().resize((300, 200)).save(page)
    broken.write_bytes(b"no tar")
    status, rows = report_of([page, broken, tmp_path / "missing.tar"], tmp_path / "out")
    assert status == 1
    assert [row[:4] for row in rows] == [
        [str(broken), "", "", ""],
        [str(tmp_path / "missing.tar"), "", "", ""],
        [str(page), "1", "0", ""],
    ]
    assert "not a tar file" in rows[0][4]
    with tarfile.open(broken, "w") as tar:
        tar.add(page, "p.png")
    _, rows = report_of([broken], tmp_path / "out")
    assert [row[:2] for row in rows] == [
        [f"{broken}#p.png", "1"],
        [str(tmp_path / "missing.tar"), ""],
        [str(page), "1"],
    ]


def test_the_report_knows_nothing_of_pictures_that_were_cleaned(tmp_path: Path) -> None:
    page, manifest = tmp_path / "p.png", tmp_path / "shared.jsonl"
    blank().resize((300, 200)).save(page)
    shared = ("--manifest", str(manifest))
    assert main(["clean", str(page), "-o", str(tmp_path / "c"), *shared, *PACKAGED]) == 0
    assert report_of([page], tmp_path / "out", *shared) == (0, [[str(page), "1", "0", "", ""]])
    assert len(manifest.read_text().splitlines()) == 2


@pytest.mark.skipif(os.name != "posix", reason="file names of bytes")
def test_the_report_names_files_whose_names_are_no_utf_8(tmp_path: Path) -> None:
    page = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    blank().resize((300, 200)).save(page)
    status, [row] = report_of([page], tmp_path / "out")
    assert (status, row[0]) == (0, f"{tmp_path}/caf\\udce9.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.png", "-o", "out.png"), "out.png is a file name"),
        (("a.png", "--report", "./signatures/signatures.jsonl"), "is the manifest"),
        (("a.png", "--report", "contract.pdf"), "contract.pdf is not the report of an earlier run"),
    ],
)
def test_contradictions_are_one_sentence(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    contract = tmp_path / "contract.pdf"
    contract.write_bytes(b"%PDF-1.7 is here")
    assert main(["extract", *words]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [contract]
    assert contract.read_bytes() == b"%PDF-1.7 is here"


def test_a_report_replaces_that_of_an_earlier_run_or_an_empty_file(tmp_path: Path) -> None:
    blank().resize((300, 200)).save(tmp_path / "a.png")
    report = tmp_path / "signed.csv"
    report.touch()
    for _ in range(2):
        words = [str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--report", str(report)]
        assert main(["extract", *words, *PACKAGED]) == 0
        assert len(report.read_text().splitlines()) == 2


def test_a_broken_document_is_an_error_in_python(cleaner: SignatureCleaner) -> None:
    with pytest.raises(ImageError):
        cleaner.extract(b"%PDF-1.7 and no more")


def test_jobs_are_named_like_their_pages() -> None:
    from sigclean.bulk.known_pages import page_name, page_of
    from sigclean.bulk.signature_places import signature_target

    single, third = (
        Job(Path("a.png"), Path("out/a.png")),
        Job(Path("b.pdf"), Path("out/b.p3.png"), 3, 4),
    )
    assert [page_name(job) for job in (single, third)] == ["a.png#page=1", "b.pdf#page=3"]
    assert signature_target(single, 1) == Path("out/a.p1.1.png")
    assert signature_target(third, 2) == Path("out/b.p3.2.png")
    assert page_of("b.pdf#page=3&signature=2") == "b.pdf#page=3" == page_of("b.pdf#page=3")


def test_the_examples_of_the_document_run(
    signed: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("inbox").mkdir()
    small = signed.crop((640, 1240, 1100, 1500))
    small.save("inbox/scan.tif", dpi=(DPI, DPI))
    small.save("contract.pdf", save_all=True, append_images=[small], resolution=DPI)
    Path("secret.pdf").write_bytes(text_pdf(1, "open sesame"))
    document = Path(__file__).parents[1] / "docs" / "documents.md"
    text = document.read_text("utf-8")
    shell = "".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    for line in shell.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["sigclean"]:
            continue  # a benchmark
        assert main([*words[1:], *PACKAGED, "--workers", "2"]) == 0, line
    exec("".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), {})
    assert Path("small/scan.p1.1.webp").is_file()
    assert sorted(path.as_posix() for path in Path().rglob("*.png")) == [
        *("blue/scan.p1.1.png", "cleaned/contract.p1.png", "cleaned/contract.p2.png"),
        *("cleaned/scan.png", "cleaned/secret.png"),
        *("page1-1.png", "page1.png", "page2-1.png", "page2.png"),
        *("signatures/contract.p1.1.png", "signatures/contract.p2.1.png", "signed/scan.p1.1.png"),
    ]
