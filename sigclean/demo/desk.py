"""What the page's buttons and endpoints do: Gradio's values in, Gradio's values out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from PIL import Image

from sigclean.compositing.compose import transparent_ink
from sigclean.demo.batch import Progress, clean_files
from sigclean.demo.cleaning import (
    TURNS,
    Area,
    Cleaned,
    Look,
    clean_area,
    new_folder,
    save,
    show,
    shrink,
)
from sigclean.demo.models import Model, choose
from sigclean.demo.settings import Settings
from sigclean.demo.uploads import read_upload, readable_errors, refusal
from sigclean.tracing import trace_svg

Editor = dict[str, Any]
"""Value of the region editor: preview, width, height (of the page), regions, turns, box, angle."""

WHOLE = [0.0, 0.0, 1.0, 1.0]
MAX_SUGGESTIONS = 5
NO_PICTURE = "Choose a picture first."
NOTHING_FOUND = "No signature was found on this page. Draw a box around it yourself."


@dataclass(frozen=True)
class Desk:
    """The page's work.

    Attributes:
        models: by name; the first one is what visitors get.
        cache: where files are put that visitors may fetch.
    """

    models: Mapping[str, Model]
    settings: Settings
    cache: Path

    def open(self, upload: str) -> Editor:
        """The editor's value for a new page: all of it is chosen."""
        with readable_errors():
            page = read_upload(upload, self.settings)
            preview = save(shrink(page), new_folder(self.cache) / "preview.jpg")
            return {
                "preview": file_data(preview),
                "width": page.width,
                "height": page.height,
                "regions": [],
                "turns": 0,
                "box": WHOLE,
                "angle": 0,
            }

    def suggest(self, upload: str | None, editor: Editor | None, model: str | None) -> Editor:
        """The editor's value with the places where signatures are; the best one is chosen."""
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

    def clean(self, upload: str | None, editor: Editor | None, model: str | None) -> Cleaned:
        """Clean the region that was chosen."""
        with readable_errors():
            page = self._page(upload)
            stem = Path(upload or "").stem
            return clean_area(
                choose(self.models, model).clean, page, read_area(editor), stem, self.cache
            )

    def show(self, cleaned: Cleaned, paper: str, size: str, ink: str) -> tuple[Any, str]:
        """The viewer's value and the path of the PNG."""
        with readable_errors():
            shown = show(cleaned, Look(paper, size, ink), self.cache)
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

    def trace(self, cleaned: Cleaned | None, size: str, ink: str) -> str:
        """The path of an SVG of the result."""
        if cleaned is None:
            raise refusal(NO_PICTURE)
        with readable_errors():
            with Image.open(cleaned.clean) as clean:
                picture = Look("white", size, ink).apply(clean.convert("RGB"))
            path = new_folder(self.cache) / f"{cleaned.stem}.svg"
            path.write_text(trace_svg(picture), encoding="utf-8")
            return str(path)

    def clean_upload(self, upload: str | None) -> tuple[str, str]:
        """What the endpoint `/clean` returns: the paths of two PNG files."""
        with readable_errors():
            clean = choose(self.models, None).clean(self._page(upload))
            folder, stem = new_folder(self.cache), Path(upload or "").stem
            return (
                str(save(clean, folder / f"{stem}.clean.png")),
                str(save(transparent_ink(clean), folder / f"{stem}.transparent.png")),
            )

    def clean_batch(
        self,
        uploads: list[str],
        paper: str,
        size: str,
        ink: str,
        model: str | None,
        progress: Progress,
    ) -> tuple[str, str]:
        """The path of a zip, and a few words in Markdown on what became of the files."""
        with readable_errors():
            if not uploads:
                raise refusal("Choose some pictures first.")
            if len(uploads) > self.settings.max_files:
                raise refusal(
                    f"These are {len(uploads)} files: at most {self.settings.max_files} at once."
                )
            batch = clean_files(
                [Path(upload) for upload in uploads],
                choose(self.models, model).clean,
                Look(paper, size, ink),
                new_folder(self.cache) / "signatures.zip",
                self.settings,
                progress,
            )
            if not batch.cleaned:
                raise refusal(" ".join(batch.failures[:3]))
            return str(batch.path), batch.summary()

    def _page(self, upload: str | None) -> Image.Image:
        if upload is None:
            raise refusal(NO_PICTURE)
        return read_upload(upload, self.settings)


def read_area(editor: Editor | None) -> Area:
    """The region that a browser sent, which may be anything. Raises gr.Error if it is none."""
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
    """A file as Gradio sends it to the page, which is told where to fetch it."""
    data: dict[str, Any] = FileData(path=str(path)).model_dump()
    return data
