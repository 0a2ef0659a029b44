"""Parts that the tabs share: choices, examples, pieces of HTML with a script of their own."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from sigclean.demo.cleaning import INKS, PAPERS, SIZES
from sigclean.demo.theme import read_static

EXAMPLES = Path(__file__).parents[2] / "examples"
"""Drawn example pictures; they come with a checkout (and the Space), not with the wheel."""

CPU = "cpu"  # events that compute wait for each other, so that the cores are shared fairly

_PAPERS = {"Transparent": PAPERS[0], "White": PAPERS[1]}
_SIZES = {"Original": SIZES[0], "Cropped": SIZES[1]}
_INKS = {"As it is": INKS[0], "Black": INKS[1], "Blue": INKS[2]}
_THUMBNAIL = (400, 200)  # pixels
_BESIDE = "#cbd5e1"  # what is beside a tall one


@dataclass(frozen=True)
class LookChoices:
    """The choices of how a result is to look."""

    paper: gr.Radio
    size: gr.Radio
    ink: gr.Radio

    @property
    def all(self) -> list[gr.Radio]:
        """As the arguments of `cleaning.Look`."""
        return [self.paper, self.size, self.ink]


def look_choices() -> LookChoices:
    """Paper, size and ink, side by side where there is room."""
    with gr.Row(elem_classes="looks"):
        paper = gr.Radio(list(_PAPERS.items()), value=PAPERS[0], label="Paper", min_width=130)
        size = gr.Radio(list(_SIZES.items()), value=SIZES[0], label="Size", min_width=130)
        ink = gr.Radio(list(_INKS.items()), value=INKS[0], label="Ink", min_width=130)
    return LookChoices(paper, size, ink)


def model_choice(names: Iterable[str]) -> gr.Dropdown:
    """Not shown where there is one model only."""
    models = list(names)
    return gr.Dropdown(models, value=models[0], label="Model", visible=len(models) > 1)


def own_part(name: str, value: Any = None, **options: Any) -> gr.HTML:
    """A part of the page with HTML and a script of its own, in `static/`."""
    return gr.HTML(
        value=value,
        html_template=read_static(f"{name}.html"),
        js_on_load=read_static(f"{name}.js"),
        apply_default_css=False,
        **options,
    )


def example_pictures(folder: Path = EXAMPLES) -> list[Path]:
    """The numbered pictures in `folder`, in order; none when there is no such folder."""
    return sorted(path for path in folder.glob("[0-9]*") if path.suffix in (".png", ".jpg"))


def example_gallery(pictures: Sequence[Path]) -> gr.HTML:
    """Buttons, a thumbnail on each, whose `select` event has the number of the picture."""
    samples = [{"name": _title(path), "thumbnail": _thumbnail(path)} for path in pictures]
    return own_part("examples", samples, elem_id="examples")


def computes(progress: str = "hidden") -> dict[str, Any]:
    """Options of an event of the page's own that needs the cores."""
    return {"api_visibility": "private", "show_progress": progress, "concurrency_id": CPU}


def at_once() -> dict[str, Any]:
    """Options of an event of the page's own that takes no time."""
    return {"api_visibility": "private", "show_progress": "hidden", "queue": False}


def _title(path: Path) -> str:
    """`03-ruled-lines.png` is shown as "Ruled lines"."""
    return path.stem.partition("-")[2].replace("-", " ").capitalize()


def _thumbnail(path: Path) -> str:
    """The whole picture, small, as an address that holds it."""
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail(_THUMBNAIL)
    small = ImageOps.pad(small, _THUMBNAIL, color=_BESIDE)
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
