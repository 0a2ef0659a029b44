"""The functions behind the page's buttons and endpoints; they take and return Gradio's values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from PIL import Image

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.compositing.compose import transparent_ink
from sigclean.demo.appearance import Appearance
from sigclean.demo.batch import Progress, clean_files
from sigclean.demo.cleaning import (
    TURNS,
    Area,
    CleanedArea,
    clean_area,
    new_folder,
    save,
    shrink,
    write_result,
)
from sigclean.demo.fair_events import current_visitor
from sigclean.demo.models import Model, choose
from sigclean.demo.settings import Settings
from sigclean.demo.turns import Turns
from sigclean.demo.uploads import read_upload, readable_errors, refusal
from sigclean.tracing import trace_svg

Editor = dict[str, Any]
"""The region editor's value: preview, width and height of the page, regions, turns, box, angle."""

WHOLE_PAGE = [0.0, 0.0, 1.0, 1.0]
MAX_SUGGESTIONS = 5  # signatures that are suggested on a page
NO_PICTURE = "Choose a picture first."
NOTHING_FOUND = "No signature was found on this page. Draw a box around it yourself."


@dataclass(frozen=True)
class Handlers:
    """The functions behind the page."""

    models: Mapping[str, Model]  # the models by name; the first one is the default
    settings: Settings
    cache: Path  # the folder for files that visitors may fetch
    turns: Turns  # in which batches clean their pictures

    def open(self, upload: str) -> Editor:
        """The editor's value for a new page, with the whole page chosen."""
        with readable_errors():
            page = read_upload(upload, self.settings)
            preview = save(shrink(page), new_folder(self.cache) / "preview.jpg")
            return {
                "preview": file_data(preview),
                "width": page.width,
                "height": page.height,
                "regions": [],
                "turns": 0,
                "box": WHOLE_PAGE,
                "angle": 0,
            }

    def suggest(self, upload: str | None, editor: Editor | None, model: str | None) -> Editor:
        """The editor's value with the signatures found on the page, the best one chosen."""
        with readable_errors():
            page = self._page(upload)
            area = read_area(editor)
            turn = TURNS[area.turns]
            page = page if turn is None else page.transpose(turn)
            found = choose(self.models, model).suggest(page)[:MAX_SUGGESTIONS]
            if not found:
                gr.Warning(NOTHING_FOUND)
                return {**(editor or {}), "regions": []}
            boxes = [
                [
                    region.left / page.width,
                    region.top / page.height,
                    region.right / page.width,
                    region.bottom / page.height,
                ]
                for region in found
            ]
            return {**(editor or {}), "regions": boxes, "box": boxes[0], "angle": 0}

    def clean(self, upload: str | None, editor: Editor | None, model: str | None) -> CleanedArea:
        """Clean the chosen region."""
        with readable_errors():
            page = self._page(upload)
            stem = Path(upload or "").stem
            return clean_area(
                choose(self.models, model).clean, page, read_area(editor), stem, self.cache
            )

    def show(self, cleaned: CleanedArea, paper: str, size: str, ink: str) -> tuple[Any, str]:
        """The viewer's value, and the path of the PNG to download."""
        with readable_errors():
            shown = write_result(cleaned, Appearance(paper, size, ink), self.cache)
            with Image.open(shown.after) as after:
                width, height = after.size
            viewer = {
                "before": file_data(shown.before),
                "after": file_data(shown.after),
                "removed": file_data(shown.removed),
                "width": width,
                "height": height,
                "transparent": paper == "transparent",
            }
            return viewer, str(shown.result)

    def trace(self, cleaned: CleanedArea | None, size: str, ink: str) -> str:
        """Trace the result; returns the path of the SVG."""
        if cleaned is None:
            raise refusal(NO_PICTURE)
        with readable_errors():
            with Image.open(cleaned.clean) as clean:
                picture = Appearance("white", size, ink).apply(clean.convert("RGB"))
            path = new_folder(self.cache) / f"{cleaned.stem}.svg"
            path.write_text(trace_svg(picture), encoding="utf-8")
            return str(path)

    def clean_upload(
        self, upload: str | None, pen: str = "auto", invert: str = "auto"
    ) -> tuple[str, str]:
        """The endpoint `/clean`: the paths of a PNG on white and of a transparent one."""
        with readable_errors():
            style = OutputStyle(pen=pen, invert=invert)
            style.check()
            clean = choose(self.models, None).render(self._page(upload), style)
            folder, stem = new_folder(self.cache), Path(upload or "").stem
            return (
                str(save(clean, folder / f"{stem}.clean.png")),
                str(save(transparent_ink(clean), folder / f"{stem}.transparent.png")),
            )

    def clean_batch(
        self,
        uploads: list[str],
        appearance: Appearance,
        model: str | None,
        pen: str,
        invert: str,
        progress: Progress,
    ) -> tuple[str, str]:
        """Clean several uploads; returns the path of a zip, and the outcome in Markdown.

        Each picture waits for its turn, so that other visitors do not wait for the batch.
        """
        with readable_errors():
            if not uploads:
                raise refusal("Choose some pictures first.")
            if len(uploads) > self.settings.max_files:
                raise refusal(
                    f"These are {len(uploads)} files: at most {self.settings.max_files} at once."
                )
            style = OutputStyle(pen=pen, invert=invert)
            style.check()
            self.turns.check_room()
            render = choose(self.models, model).render
            batch = clean_files(
                [Path(upload) for upload in uploads],
                lambda picture: render(picture, style),
                appearance,
                new_folder(self.cache) / "signatures.zip",
                self.settings,
                progress,
                partial(self.turns.turn, current_visitor()),
            )
            if not batch.cleaned:
                raise refusal(" ".join(batch.failures[:3]))
            return str(batch.path), batch.summary()

    def _page(self, upload: str | None) -> Image.Image:
        if upload is None:
            raise refusal(NO_PICTURE)
        return read_upload(upload, self.settings)


def read_area(editor: Editor | None) -> Area:
    """Parse the region that a browser sent, which may be anything.

    Raises gr.Error if it is not a region on the page.
    """
    if not editor:
        return Area()
    try:
        turns = int(editor["turns"]) % 4
        left, top, right, bottom = (float(side) for side in editor["box"])
        angle = float(editor["angle"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise refusal("The region cannot be read: draw it again.") from None
    inside = 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    if not inside or not math.isfinite(angle):
        raise refusal("The region is not on the page: draw it again.")
    return Area(turns, (left, top, right, bottom), angle)


def file_data(path: Path) -> dict[str, Any]:
    """A file as Gradio sends it to the page, with the address to fetch it from."""
    data: dict[str, Any] = FileData(path=str(path)).model_dump()
    return data
