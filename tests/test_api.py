"""`/api`: one line of curl cleans a picture, or extracts the signatures of a document."""

from __future__ import annotations

import io
import json
import re
import subprocess
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
from browser_page import drag, give, ready
from demo_server import ROOT, Answer, Demo, ask, call, file_data, pixels, sentence_of, upload
from pdfs import blank_pdf
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from sigclean import SignatureCleaner

PAGE = ROOT / "examples" / "0-whole-page.png"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def cleaner(demo: Demo) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(demo.weights)


def send(demo: Demo, path: str, content: bytes, **headers: str) -> Answer:
    """POST a file as the body."""
    return ask(f"{demo.url}/api/{path}", content, **{"Content_Type": "image/png", **headers})


def send_form(demo: Demo, path: str, content: bytes, name: str, **fields: str) -> Answer:
    """POST a file and fields as a form."""
    mark = uuid.uuid4().hex
    head = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    )
    head += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    return ask(f"{demo.url}/api/{path}", body, Content_Type=f"multipart/form-data; boundary={mark}")


def picture(answer: Answer) -> Image.Image:
    assert answer.status == 200, answer.body
    return Image.open(io.BytesIO(answer.body))


def test_the_answer_is_the_picture_that_the_cleaner_makes(
    demo: Demo, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    content = noisy_file.read_bytes()
    answer = send(demo, "clean", content)
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(pixels(picture(answer)), pixels(cleaner(noisy_file, transparent=True)))
    asked = "clean?paper=white&size=cropped&pen=blue&invert=never&window=none"
    expected = cleaner(noisy_file, crop=True, pen="blue", invert="never")
    assert np.array_equal(pixels(picture(send(demo, asked, content))), pixels(expected))


def test_a_form_has_the_same_options_as_fields(
    demo: Demo, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    answer = send_form(demo, "clean", noisy_file.read_bytes(), "my scan.png", paper="white")
    assert np.array_equal(pixels(picture(answer)), pixels(cleaner(noisy_file)))
    assert answer.headers["content-disposition"].endswith("my%20scan.clean.png")


@pytest.mark.parametrize(
    ("kind", "media_type", "mode"),
    [("webp", "image/webp", "RGBA"), ("jpeg", "image/jpeg", "RGB")],
)
def test_results_are_of_the_kind_that_is_asked_for(
    demo: Demo, noisy_file: Path, kind: str, media_type: str, mode: str
) -> None:
    answer = send(demo, f"clean?format={kind}", noisy_file.read_bytes())
    assert answer.headers["content-type"] == media_type
    assert picture(answer).mode == mode


def test_a_drawing_in_svg_has_the_pictures_size(demo: Demo, noisy_file: Path) -> None:
    answer = send(demo, "clean?format=svg&ink=%23aa0000", noisy_file.read_bytes())
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert b'viewBox="0 0 640 280"' in answer.body
    assert b"#aa0000" in answer.body


def test_an_ink_that_is_asked_for_is_drawn(demo: Demo, noisy_file: Path) -> None:
    answer = send(demo, "clean?paper=white&ink=black", noisy_file.read_bytes())
    assert (np.ptp(pixels(picture(answer)), axis=2) == 0).all()


def test_signatures_of_a_page_come_as_a_zip_or_as_boxes(demo: Demo) -> None:
    content = PAGE.read_bytes()
    asked = "extract?model=default"
    archive = zipfile.ZipFile(io.BytesIO(send(demo, asked, content).body))
    lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
    boxes = send(demo, asked, content, Accept="application/json").json
    assert [line["box"] for line in lines] == [one["box"] for one in boxes["signatures"]]
    assert lines
    assert boxes["pages"][0]["signatures"] == len(lines)
    assert set(archive.namelist()) == {"manifest.jsonl", *(line["target"] for line in lines)}
    with archive.open(lines[0]["target"]) as file:
        left, top, right, bottom = lines[0]["box"]
        assert Image.open(file).size == (right - left, bottom - top)


def test_signatures_of_another_pen_than_the_one_that_is_named_are_none(demo: Demo) -> None:
    content = PAGE.read_bytes()
    for kind in ("png", "json"):
        answer = send(demo, f"extract?model=default&pen=green&format={kind}", content)
        if kind == "json":
            found = answer.json["signatures"]
        else:
            lines = zipfile.ZipFile(io.BytesIO(answer.body)).read("manifest.jsonl").splitlines()
            found = [line for line in lines if b'"signature":' in line]
        assert found == []


def test_pages_of_a_document_are_named_one_by_one(demo: Demo) -> None:
    content = blank_pdf(pages=3)
    found = send_form(demo, "extract", content, "contract.pdf", dpi="50", format="json").json
    assert [page["page"] for page in found["pages"]] == [1, 2, 3]
    assert found["source"] == "contract.pdf"
    answer = send_form(demo, "clean", content, "contract.pdf", dpi="50")
    assert answer.status == 422
    assert sentence_of(answer) == "contract.pdf has 3 pages: say which by page=1, or extract them."
    assert send_form(demo, "clean", content, "c.pdf", dpi="50", page="2").status == 200
    assert "has no page 4, but 3" in sentence_of(
        send_form(demo, "clean", content, "c.pdf", page="4")
    )


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("clean?papr=white", 422, "There is no option 'papr': choose paper, size, ink, pen,"),
        ("clean?paper=red", 422, "paper is transparent or white, not 'red'."),
        ("clean?paper=white&paper=white", 422, "The option 'paper' is there twice."),
        ("clean?ink=mauve", 422, "Unknown ink 'mauve': choose black, blue or #rrggbb."),
        ("clean?pen=mauve", 422, "Unknown pen 'mauve': choose auto,"),
        ("clean?window=7", 422, "A window is auto, or "),
        ("clean?invert=perhaps", 422, "invert is auto or always or never, not 'perhaps'."),
        ("clean?format=gif", 422, "format is png or webp or jpeg or svg, not 'gif'."),
        ("clean?format=jpeg&paper=transparent", 422, "Results as jpeg have white paper"),
        ("clean?model=other", 422, "Unknown model 'other': choose"),
        ("clean?page=0", 422, "page is a whole number from 1 up, not '0'."),
        ("clean?page=2", 422, "picture has no page 2, but 1."),
        ("clean?password=x", 422, "Send the password as a field of a form"),
        ("extract?dpi=5000", 422, "A resolution is 50 to 2400 dpi, not 5000."),
        ("nothing", 404, "There is nothing at this address."),
    ],
)
def test_a_wrong_option_is_named_in_one_sentence(
    demo: Demo, noisy_file: Path, path: str, status: int, sentence: str
) -> None:
    content = blank_pdf() if "dpi" in path else noisy_file.read_bytes()
    answer = send(demo, path, content)
    assert sentence_of(answer).startswith(sentence)
    assert answer.status == status


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 400, "There is no picture: send it as the body, or as the file of a form."),
        (b"not a picture", 422, "scan.png is not a picture that can be read."),
        (b"<svg xmlns='x'/>", 422, "scan.png is a drawing in SVG: save it as a PNG first."),
        (b"%PDF-1.7\n", 422, "scan.png "),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(
    demo: Demo, content: bytes, status: int, sentence: str
) -> None:
    for path in ("clean", "extract"):
        answer = send_form(demo, path, content, "scan.png")
        assert answer.status == status
        assert sentence_of(answer).startswith(sentence)


def test_a_form_without_a_file_and_another_method_are_refused(demo: Demo) -> None:
    url = f"{demo.url}/api/clean"
    form = b"--m\r\nContent-Disposition: form-data; name=paper\r\n\r\nwhite\r\n--m--\r\n"
    answer = ask(url, form, Content_Type="multipart/form-data; boundary=m")
    assert "There is no picture" in sentence_of(answer)
    assert ask(url, form, Content_Type="multipart/form-data").status == 400
    answer = ask(url)
    assert answer.status == 405
    assert sentence_of(answer) == "This address is not for such requests."


def test_nothing_of_a_request_is_left(demo: Demo, noisy_file: Path) -> None:
    before = set(demo.files())
    send(demo, "clean", noisy_file.read_bytes())
    send(demo, "extract", noisy_file.read_bytes())
    send(demo, "clean", b"not a picture")
    assert set(demo.files()) == before


def test_the_queue_says_who_waits(demo: Demo) -> None:
    said = ask(f"{demo.url}/api/queue").json
    assert said.pop("at_once") >= 1
    assert said == {"waiting": 0, "yours": []}


def test_the_description_names_every_option_and_loads_nothing_from_elsewhere(demo: Demo) -> None:
    described = ask(f"{demo.url}/openapi.json").json
    assert {"/api/clean", "/api/extract", "/api/queue"} == set(described["paths"])
    post = described["paths"]["/api/clean"]["post"]
    names = {"paper", "size", "ink", "pen", "format", "window", "invert"}
    assert names <= {parameter["name"] for parameter in post["parameters"]}
    assert PROBLEM in post["responses"]["422"]["content"]
    page = ask(f"{demo.url}/docs").body.decode()
    assert "POST /api/clean" in page
    assert all(f"<code>{name}</code>" in page for name in names)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_gradios_endpoints_take_pen_and_invert(
    demo: Demo, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    path = upload(demo, noisy_file.read_bytes()).json[0]
    answer = call(demo, "clean", file_data(path), "blue", "always")
    white = json.loads(answer.body.decode().split("data: ")[1])[0]["url"]
    expected = cleaner(noisy_file, pen="blue", invert="always")
    assert np.array_equal(pixels(picture(ask(white))), pixels(expected))
    wrong = call(demo, "clean", file_data(path), "mauve", "auto")
    assert b"unknown pen 'mauve'" in wrong.body
    batch = call(
        demo, "clean_batch", [file_data(path)], "white", "original", "as is", None, "blue", "always"
    )
    archive = ask(json.loads(batch.body.decode().split("data: ")[1])[0]["url"])
    packed = zipfile.ZipFile(io.BytesIO(archive.body))
    with packed.open("scan.clean.png") as file:
        assert np.array_equal(pixels(Image.open(file)), pixels(expected))


def test_the_lines_of_curl_in_the_documentation_run(
    demo: Demo, noisy_file: Path, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
    part = text.partition("## One line of curl")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```bash\n(.*?)```", part, re.DOTALL)
    Image.open(noisy_file).save(tmp_path / "scan.jpg")
    (tmp_path / "contract.pdf").write_bytes(blank_pdf())
    script = code.replace("http://127.0.0.1:7860", demo.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.iterdir())
    for name in ("clean.png", "blue.webp", "signature.svg", "signatures.zip", "boxes.json"):
        assert name in made
    assert Image.open(tmp_path / "clean.png").mode == "RGBA"
    assert json.loads((tmp_path / "boxes.json").read_text())["pages"]


def test_a_browser_finds_no_breach_of_the_policy_while_it_cleans(
    browser: Browser, demo: Demo, noisy_file: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)  # milliseconds
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) =>"
        " console.log(`Content Security Policy: ${event.violatedDirective}"
        " ${event.blockedURI} ${event.sample}`))"
    )
    _clean_download_and_batch(page, demo, noisy_file)
    page.goto(f"{demo.url}/docs")
    assert "POST /api/extract" in page.content()
    page.close()
    assert [text for text in said if "Content Security Policy" in text] == []


def _clean_download_and_batch(page: Page, demo: Demo, path: Path) -> None:
    page.goto(demo.url)
    page.get_by_role("tab", name="One picture").wait_for()
    give(page, [path], "drop")
    ready(page)
    page.keyboard.press("e")
    drag(page, (0.3, 0.3), (0.7, 0.6), "#result .after .frame")
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_enabled()
    ready(page)
    for button in ("Download PNG", "Download SVG"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button, exact=True).click()
        assert waiting.value.path().stat().st_size > 0
    page.get_by_role("tab", name="Several").click()
    document = path.with_suffix(".pdf")
    Image.open(path).save(document, "PDF")
    page.locator("#files").set_input_files([path, document])
    page.locator("#report").get_by_text("2 pictures cleaned.").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download zip", exact=True).click()
    assert len(zipfile.ZipFile(waiting.value.path()).namelist()) == 3
    page.get_by_role("tab", name="About").click()
    page.locator("#card").wait_for()
