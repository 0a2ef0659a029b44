"""Parts of the page: examples, HTML with a script, options of events."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from sigclean.demo.theme import read_static

EXAMPLES = Path(__file__).parents[2] / "examples"
"""Drawn example pictures, which a checkout and the Space have, but not the wheel."""
SMALL_EXAMPLES = Path(__file__).parent / "examples"
"""A few of them, smaller, for an installed package."""

_SCRIPTS = {
    "picture": (
        *("requests", "picture", "opening", "region", "strip", "viewer", "brush", "downloads"),
        "sources",
    ),
    "several": ("requests", "several"),
}  # the files of `static/` that make the script of a tab, in their order; they share one scope

_SHARED = ("look", "reading", "password")  # parts of both tabs, which their HTML names in comments

CPU = "cpu"  # queue of all events that compute, which take turns
BATCH = "batch"  # queue of batches, which take turns picture by picture

_THUMBNAIL = (400, 200)  # pixels: width, height
_BESIDE = "#cbd5e1"  # colour beside a thumbnail that is too tall


def custom_html(name: str, value: Any) -> gr.HTML:
    """A tab of the page made from `<name>.html` in `static/`, with the parts that both tabs
    share, and from the scripts of that tab."""
    template = read_static(f"{name}.html")
    for part in _SHARED:
        template = template.replace(f"<!-- {part} -->", read_static(f"{part}.html"))
    return gr.HTML(
        value=value,
        html_template=template,
        js_on_load="".join(read_static(f"{part}.js") for part in _SCRIPTS[name]),
        apply_default_css=False,
    )


def example_pictures(folders: Sequence[Path] = (EXAMPLES, SMALL_EXAMPLES)) -> list[Path]:
    """The numbered pictures in the first of the folders that has some, in order."""
    for folder in folders:
        found = [path for path in folder.glob("[0-9]*") if path.suffix in (".png", ".jpg")]
        if found:
            return sorted(found)
    return []


def example_buttons(pictures: Sequence[Path]) -> list[dict[str, str]]:
    """The name and the thumbnail of each example."""
    return [{"name": _title(path), "thumbnail": _thumbnail(path)} for path in pictures]


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
