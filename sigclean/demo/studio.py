"""The functions behind the page's own requests; they take and return what JSON can hold."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image, ImageChops

from sigclean.compositing.ink_colour import AUTO, parse_pen
from sigclean.demo.appearance import Appearance, cut, read_appearance
from sigclean.demo.cleaning import Area, read_area
from sigclean.demo.inks import (
    ink_at,
    ink_share,
    page_invert,
    read_invert,
    warnings_of,
    with_dark_ink,
)
from sigclean.demo.models import Model, choose
from sigclean.demo.service.reading import Reader
from sigclean.demo.strokes import draw_masks, read_strokes
from sigclean.demo.works import MAX_SHOWN, Result, Works, save_jpeg, shrink
from sigclean.documents.page import DPI
from sigclean.encoding import encode
from sigclean.errors import SigcleanError
from sigclean.extras import require
from sigclean.finding.sheet import SUBJECT
from sigclean.ink import colour_mask, removed_overlay
from sigclean.letterbox import Box
from sigclean.regions import Region
from sigclean.tracing import trace_svg

Asked = Mapping[str, Any]
Answer = dict[str, Any]

WIDEST_PAGE = 1.8  # width over height, past 16:9: a wider picture is a cut, unless a PDF has it

MAX_SUGGESTIONS = 8  # signatures that are suggested on a page
LEAST_PAGE = 512  # pixels of the longer side: smaller pictures are no pages
MAX_COLOURS = 10  # colours that are dropped at once


@dataclass(frozen=True)
class Studio:
    """The page's own functions.

    Attributes:
        models: the models by name; the first one is the default.
        works: uploads and results.
        examples: pictures to try.
    """

    models: Mapping[str, Model]
    works: Works
    examples: Sequence[Path] = ()

    def example(self, asked: Asked) -> Answer:
        """Open an example as if it had been uploaded."""
        number = asked.get("number")
        if not isinstance(number, int) or not 0 <= number < len(self.examples):
            raise SigcleanError("there is no such example")
        path = self.examples[number]
        key, target = self.works.new_upload(path.name.partition("-")[2])
        target.write_bytes(path.read_bytes())
        return self.open({"work": key})

    def open(self, asked: Asked) -> Answer:
        """Count the pages of an upload, and show the first one."""
        key = asked.get("work")
        pages = self.works.pages(key, self._reader(asked))
        name = self.works.upload(key).name
        return {
            "work": key,
            "name": name,
            "pages": pages,
            "keep_seconds": self.works.settings.keep_seconds,
            **self.page({**asked, "page": 1}),
        }

    def page(self, asked: Asked) -> Answer:
        """Show a page: a small picture, its size, whether signatures should be looked for, and
        whether it is a PDF's, whose resolution can be chosen (`drawn`)."""
        page = self._page(asked)
        answer = {
            "page": asked.get("page", 1),
            "width": page.width,
            "height": page.height,
            "drawn": _is_pdf_page(page),
        }
        if asked.get("preview") is False:
            return answer
        preview = save_jpeg(shrink(page), self.works.new_file("preview.jpg"))
        sheet = _is_pdf_page(page) or page.width <= WIDEST_PAGE * page.height
        search = max(page.size) > LEAST_PAGE and sheet
        return {**answer, "preview": address(preview), "search": search}

    def find(self, asked: Asked) -> Answer:
        """Find the signatures of a page.

        `regions` are boxes in fractions of the page's sides, the likeliest first. `best` is the box
        to clean: the likeliest one, or the whole picture where that is little more. The page of a
        PDF is a sheet, however large the signature on it is. `turned` is how the page must be
        turned so that they can be read, as `Region.turned` has it; the boxes are as it lies.
        """
        turned = Area(read_area(asked.get("area")).turns)
        page = turned.turned(self._page(asked))
        dark = with_dark_ink(page, read_invert(asked))
        found = choose(self.models, asked.get("model")).suggest(dark)[:MAX_SUGGESTIONS]
        boxes = [_fractions(region, page.size) for region in found]
        alone = len(found) == 1 and _longest(found[0]) >= SUBJECT * max(page.size)
        whole = not found or (alone and not _is_pdf_page(page))
        best = [0.0, 0.0, 1.0, 1.0] if whole else boxes[0]
        return {"regions": boxes, "best": best, "turned": found[0].turned if found else 0}

    def clean(self, asked: Asked) -> Answer:
        """Clean a part of a page; `result` names it, and the rest is what `show` returns."""
        page, area = self._page(asked), read_area(asked.get("area"))
        invert = page_invert(page, area, read_invert(asked))
        model = choose(self.models, asked.get("model"))
        noisy = area.cut(page)
        upload = self.works.upload(asked.get("work"))
        several = self.works.pages(asked.get("work"), self._reader(asked)) > 1
        stem = f"{upload.stem}.p{asked.get('page', 1)}" if several else upload.stem
        begun = time.perf_counter()
        keep, window = model.keep(noisy, "auto" if area.is_whole else None, invert)
        took = 1000 * (time.perf_counter() - begun)
        key = uuid.uuid4().hex
        result = Result(key, stem, model.name, window, invert, took, *noisy.size)
        self.works.write(result, noisy, keep)
        return {**self.show({**asked, "result": key}), "result": key}

    def show(self, asked: Asked) -> Answer:
        """Make the pictures of a result: one to download, and those that show it.

        `frame` is the part of the area that they show, in fractions of its sides.
        """
        result, noisy, clean, look = self.touched(asked)
        drawn = look.weighed(clean)
        picture = look.apply(drawn)
        path = self.works.new_file(f"{stem_of(result, asked)}.{look.suffix()}.png")
        path.write_bytes(encode(picture))
        box = look.box(drawn)
        left, top, right, bottom = box
        share = ink_share(clean)
        small = max(picture.size) <= MAX_SHOWN
        view = path
        if not small:
            view = self.works.new_file("after.png")
            view.write_bytes(encode(shrink(picture)))
        answer = {
            "png": described(path),
            "view": address(view),
            "before": address(self._before(noisy, box)),
            "width": picture.width,
            "height": picture.height,
            "frame": [left / clean.width, top / clean.height, right / clean.width,
                      bottom / clean.height],
            "milliseconds": round(result.milliseconds),
            "blank": share == 0,
            "warnings": warnings_of(share, noisy.size),
        }  # fmt: skip
        if asked.get("removed"):
            shown = [shrink(cut(one, box)) for one in (noisy, clean)]
            red = removed_overlay(shown[0], shown[1])
            answer["removed"] = address(save_jpeg(red, self.works.new_file("removed.jpg")))
        return answer

    def svg(self, asked: Asked) -> Answer:
        """Trace a result; returns the SVG's name and address."""
        require("vtracer", extra="svg", purpose="SVG")
        result, _, clean, look = self.touched(asked)
        svg = trace_svg(
            look.on_white(look.weighed(clean)),
            colour=None if look.ink == "as is" else look.ink,
            paper="white" if look.paper == "white" else None,
        )
        path = self.works.new_file(f"{result.stem}.{look.suffix()}.svg")
        path.write_text(svg, encoding="utf-8")
        return described(path)

    def pick(self, asked: Asked) -> Answer:
        """Find the colour of the ink at a place: `x` and `y` in fractions of the area's sides."""
        result, noisy, _ = self.works.result(asked.get("result"))
        try:
            x, y = float(asked["x"]) * noisy.width, float(asked["y"]) * noisy.height
            inside = 0 <= x < noisy.width and 0 <= y < noisy.height
        except (KeyError, TypeError, ValueError):
            inside = False
        if not inside:
            raise SigcleanError("click on an ink inside the picture")
        return {"colour": ink_at(with_dark_ink(noisy, result.invert), x, y)}

    def forget(self, asked: Asked) -> Answer:
        """Delete uploads, results and files now."""
        keys = asked.get("keys")
        for key in keys if isinstance(keys, list) else []:
            self.works.forget(key)
        return {}

    def _page(self, asked: Asked) -> Image.Image:
        return self.works.page(asked.get("work"), asked.get("page", 1), self._reader(asked))

    def _reader(self, asked: Asked) -> Reader:
        """The way to read an upload. Raises SigcleanError for a resolution that is no number."""
        password, dpi = asked.get("password"), asked.get("dpi") or DPI
        if not isinstance(dpi, int):
            raise SigcleanError("a resolution is a whole number of dpi")
        return Reader(self.works.settings, str(password) if password else None, dpi)

    def touched(self, asked: Asked) -> tuple[Result, Image.Image, Image.Image, Appearance]:
        """A result with the picture before, the clean one with its corrections, and its look."""
        look = read_appearance(asked.get("look"))
        strokes = read_strokes(asked.get("strokes"))
        pen, dropped = asked.get("pen") or AUTO, asked.get("dropped") or []
        if not isinstance(dropped, list) or len(dropped) > MAX_COLOURS:
            raise SigcleanError(f"at most {MAX_COLOURS} colours can be dropped at once")
        parse_pen(str(pen))
        result, noisy, keep = self.works.result(asked.get("result"))
        model = choose(self.models, result.model)
        erase = restore = None
        if strokes or dropped:
            dark = with_dark_ink(noisy, result.invert)
            masks = [colour_mask(dark, str(colour)) for colour in dropped]
            start = masks[0] if masks else None
            for mask in masks[1:]:
                start = ImageChops.lighter(start, mask) if start else mask
            erase, restore = draw_masks(strokes, noisy.size, start)
        clean = model.finish(noisy, keep, result.window, result.invert, str(pen), erase, restore)
        return result, noisy, clean, look

    def _before(self, noisy: Image.Image, box: Box) -> Path:
        return save_jpeg(shrink(cut(noisy, box)), self.works.new_file("before.jpg"))


def verbs(studio: Studio) -> dict[str, Callable[[Asked], Answer]]:
    """The functions that take a turn, by the last part of their addresses."""
    names = ("example", "open", "page", "find", "clean", "show", "svg", "pick")
    return {name: getattr(studio, name) for name in names}


def address(path: Path) -> str:
    """The address of a file, relative to the page's."""
    return f"page/file/{path.parent.name}/{quote(path.name)}"


def described(path: Path) -> Answer:
    """The address, name and size of a file to download."""
    return {"url": address(path), "name": path.name, "bytes": path.stat().st_size}


def made_for(answer: Answer) -> list[str]:
    """The keys of the files and the result that were made for an answer."""
    files = [answer.get(name) for name in ("url", "preview", "view", "before", "removed")]
    files.append(answer.get("png", {}).get("url"))
    keys = [file.split("/")[2] for file in files if file]
    return [*keys, answer["result"]] if "result" in answer else keys


def stem_of(result: Result, asked: Asked) -> str:
    """The beginning of a result's name, with its `number` if several are on one page."""
    number = asked.get("number")
    return f"{result.stem}-{number}" if isinstance(number, int) else result.stem


def _fractions(region: Region, size: tuple[int, int]) -> list[float]:
    width, height = size
    return [
        max(0.0, region.left / width),
        max(0.0, region.top / height),
        min(1.0, region.right / width),
        min(1.0, region.bottom / height),
    ]


def _longest(region: Region) -> int:
    return max(region.right - region.left, region.bottom - region.top)


def _is_pdf_page(page: Image.Image) -> bool:
    """True for the page of a PDF, drawn or scanned."""
    return bool(page.info.get("page"))
