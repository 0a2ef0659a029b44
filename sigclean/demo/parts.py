"""Parts that the tabs share: choices, examples, HTML with a script, options of events."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from sigclean.demo.appearance import INKS, PAPERS, SIZES
from sigclean.demo.theme import read_static

EXAMPLES = Path(__file__).parents[2] / "examples"
"""Drawn example pictures, which a checkout and the Space have, but not the wheel."""

CPU = "cpu"  # queue of all events that compute, which take turns
BATCH = "batch"  # queue of batches, which take turns picture by picture

_PAPERS = {"Transparent": PAPERS[0], "White": PAPERS[1]}
_SIZES = {"Original": SIZES[0], "Cropped": SIZES[1]}
_INKS = {"As it is": INKS[0], "Black": INKS[1], "Blue": INKS[2]}
_THUMBNAIL = (400, 200)  # pixels: width, height
_BESIDE = "#cbd5e1"  # colour beside a thumbnail that is too tall


@dataclass(frozen=True)
class AppearanceChoices:
    """The choices of a result's appearance."""

    paper: gr.Radio
    size: gr.Radio
    ink: gr.Radio

    @property
    def all(self) -> list[gr.Radio]:
        """The choices in the order of the arguments of `Appearance`."""
        return [self.paper, self.size, self.ink]


def appearance_choices() -> AppearanceChoices:
    """Lay out the choices of paper, size and ink, side by side where there is room."""
    with gr.Row(elem_classes="appearance"):
        paper = gr.Radio(list(_PAPERS.items()), value=PAPERS[0], label="Paper", min_width=130)
        size = gr.Radio(list(_SIZES.items()), value=SIZES[0], label="Size", min_width=130)
        ink = gr.Radio(list(_INKS.items()), value=INKS[0], label="Ink", min_width=130)
    return AppearanceChoices(paper, size, ink)


def ink_options() -> list[gr.Textbox]:
    """Lay out `pen` and `invert`, which programs may set; the page does not show them."""
    return [gr.Textbox("auto", label=label, visible=False) for label in ("Pen", "Invert")]


def model_choice(names: Iterable[str]) -> gr.Dropdown:
    """Lay out the choice of a model, which is hidden if there is only one."""
    models = list(names)
    return gr.Dropdown(models, value=models[0], label="Model", visible=len(models) > 1)


def custom_html(name: str, value: Any = None, **options: Any) -> gr.HTML:
    """A part of the page made from `<name>.html` and `<name>.js` in `static/`."""
    return gr.HTML(
        value=value,
        html_template=read_static(f"{name}.html"),
        js_on_load=read_static(f"{name}.js"),
        apply_default_css=False,
        **options,
    )


def example_pictures(folder: Path = EXAMPLES) -> list[Path]:
    """The numbered pictures in `folder`, in order; none if there is no such folder."""
    return sorted(path for path in folder.glob("[0-9]*") if path.suffix in (".png", ".jpg"))


def example_gallery(pictures: Sequence[Path]) -> gr.HTML:
    """Buttons with thumbnails; their `select` event has the number of the picture."""
    samples = [{"name": _title(path), "thumbnail": _thumbnail(path)} for path in pictures]
    return custom_html("examples", samples, elem_id="examples")


def queued(progress: str = "hidden") -> dict[str, Any]:
    """Options of a private event that computes, and waits for its turn."""
    return {"api_visibility": "private", "show_progress": progress, "concurrency_id": CPU}


def unqueued() -> dict[str, Any]:
    """Options of a private event that takes no time, and does not wait."""
    return {"api_visibility": "private", "show_progress": "hidden", "queue": False}


def _title(path: Path) -> str:
    """Turn `03-ruled-lines.png` into "Ruled lines"."""
    return path.stem.partition("-")[2].replace("-", " ").capitalize()


def _thumbnail(path: Path) -> str:
    """The whole picture, shrunk, as an address that holds it."""
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail(_THUMBNAIL)
    small = ImageOps.pad(small, _THUMBNAIL, color=_BESIDE)
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
