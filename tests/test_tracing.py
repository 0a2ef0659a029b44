"""SVG: outlines of the ink that look like the picture, of its size and colour, and nothing else."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from sigclean.compositing.results import transparent_ink
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.ink import recolour
from sigclean.metrics import ink_scores
from sigclean.tracing import trace_svg, write_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def clean() -> Image.Image:
    """A drawn signature of 500 pixels' width, in blue, on white."""
    return recolour(draw_signature(np.random.default_rng(1), 500), "blue")


def elements(svg: str) -> list[str]:
    return [element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()]


def test_the_document_has_the_pictures_size_and_paths_alone(clean: Image.Image) -> None:
    root = ET.fromstring(trace_svg(clean))
    assert root.tag == f"{SVG}svg"
    assert (root.get("width"), root.get("height")) == (str(clean.width), str(clean.height))
    assert root.get("viewBox") == f"0 0 {clean.width} {clean.height}"
    assert set(elements(trace_svg(clean))) == {"svg", "g", "path"}
    assert {name for path in root.iter(f"{SVG}path") for name in path.keys()} == {"d", "transform"}  # noqa: SIM118


def test_the_ink_keeps_its_colour(clean: Image.Image) -> None:
    fill = ET.fromstring(trace_svg(clean)).get("fill")
    assert fill is not None
    colour = np.array([int(fill[place : place + 2], 16) for place in (1, 3, 5)])
    assert np.abs(colour - (26, 54, 152)).max() < 12


def test_white_paper_and_transparent_ground_give_the_same(clean: Image.Image) -> None:
    assert trace_svg(transparent_ink(clean)).count("<path") == trace_svg(clean).count("<path") > 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("size", [(1, 1), (300, 20)])
def test_a_picture_without_ink_is_an_empty_document(mode: str, size: tuple[int, int]) -> None:
    svg = trace_svg(Image.new(mode, size, {"RGBA": (255, 255, 255, 0)}.get(mode, "white")))
    assert elements(svg) == ["svg"]
    assert ET.fromstring(svg).get("width") == str(size[0])


def test_a_wholly_black_picture_is_one_shape() -> None:
    assert elements(trace_svg(Image.new("RGB", (40, 30)))) == ["svg", "g", "path"]


def test_ink_and_a_sheet_below_it_have_the_colours_asked_for(clean: Image.Image) -> None:
    root = ET.fromstring(trace_svg(clean, colour="#aa0000", paper="white"))
    assert root.get("fill") == "#aa0000"
    assert (root[0].tag, root[0].get("fill")) == (f"{SVG}rect", "#ffffff")
    assert elements(trace_svg(clean, paper="#ffeedd"))[:2] == ["svg", "rect"]
    for wrong in ({"colour": "mauve"}, {"paper": "mauve"}):
        with pytest.raises(SigcleanError, match="unknown ink 'mauve'"):
            trace_svg(clean, **wrong)


def test_a_file_is_written_with_its_folder(clean: Image.Image, tmp_path: Path) -> None:
    write_svg(clean, tmp_path / "new" / "ink.svg")
    assert (tmp_path / "new" / "ink.svg").read_text("utf-8") == trace_svg(clean)


def test_a_missing_library_is_one_sentence(
    clean: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vtracer", None)
    with pytest.raises(SigcleanError, match=r"^SVG needs vtracer: pip install 'sigclean\[svg\]'$"):
        trace_svg(clean)


def test_a_browser_shows_the_same_strokes(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1400})
    for width in (220, 1300):
        picture = draw_signature(np.random.default_rng(7), width)
        page.set_content(f"<body style='margin:0'>{trace_svg(picture)}</body>")
        path = tmp_path / f"{width}.png"
        page.locator("svg").screenshot(path=path, omit_background=True)
        rendered = Image.open(path).convert("RGBA")
        assert rendered.size == picture.size
        assert rendered.getpixel((0, 0)) == (0, 0, 0, 0)  # transparent ground
        on_white = Image.new("RGBA", rendered.size, "white")
        on_white.alpha_composite(rendered)
        assert ink_scores(on_white.convert("RGB"), picture).f > 0.97
    page.close()
