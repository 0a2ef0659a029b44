"""The web page: a picture in, the clean signature beside it, a slider to compare, PNGs to keep.

`app.py` (the Space) and `sigclean demo` both end here. Gradio is imported by this module alone.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from sigclean.cleaner import SignatureCleaner
from sigclean.compositing import transparent_ink
from sigclean.errors import SigcleanError
from sigclean.images import read_image

EXAMPLES = Path(__file__).parents[1] / "examples"
"""Drawn example pictures; they come with a checkout (and the Space), not with the wheel."""

DELETE_CACHE = (600, 1800)  # seconds: every ten minutes, what is older than thirty
MAX_FILE_SIZE = "64mb"
MAX_QUEUE = 32  # visitors who wait; one is served at a time, with all cores

_INTRO = """# sigclean
Handwritten signatures, cleaned: lines, print, stamps and paper erased, every stroke kept."""

_PRIVACY = (
    "Pictures are cleaned on the computer that runs this page and sent nowhere else. "
    "They are deleted from it after 30 to 40 minutes, and when the page is shut down."
)

_CSS = """
.gradio-container { max-width: 1120px !important; margin: 0 auto !important; }
#intro h1 { margin: 0.5rem 0 0.1rem; font-size: 1.9rem; letter-spacing: -0.02em; }
#intro p, #note p, #privacy p { opacity: 0.75; }
#intro p { font-size: 1.05rem; }
#note { height: 20px; }
#note p { text-align: center; font-variant-numeric: tabular-nums; }
#privacy p { font-size: 0.85rem; text-align: center; }
footer .divider { display: none; }
"""

_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]


def example_pictures(folder: Path = EXAMPLES) -> list[Path]:
    """The numbered pictures in `folder`, in order; none when there is no such folder."""
    return sorted(path for path in folder.glob("[0-9]*") if path.suffix in (".png", ".jpg"))


def build_demo(cleaner: SignatureCleaner, examples: Sequence[Path] = ()) -> gr.Blocks:
    """The page and its endpoint `/clean`, which takes a picture.

    The endpoint returns two PNG files: the clean picture, and its ink on transparent ground.
    """
    with gr.Blocks(title="sigclean", analytics_enabled=False, delete_cache=DELETE_CACHE) as demo:
        gr.Markdown(_INTRO, elem_id="intro")
        with gr.Row():
            with gr.Column():
                picture = _picture_input()
                button = gr.Button("Clean", variant="primary", elem_id="clean")
            with gr.Column():
                result = _result_picture()
                note = gr.Markdown(elem_id="note")
                with gr.Row():
                    opaque = _download("White PNG", "download")
                    transparent = _download("Transparent PNG", "download-transparent")
        with gr.Column(visible=False) as comparison:
            slider = _slider()
        if examples:
            gr.Examples([[str(path)] for path in examples], picture, label="Drawn examples")
        gr.Markdown(_PRIVACY, elem_id="privacy")
        took = gr.State(0.0)

        def clean(picture: str | None) -> tuple[str, str, float]:
            """Erase everything but the signature."""
            return _clean(cleaner, picture, Path(result.GRADIO_CACHE))

        cleaned = button.click(
            clean,
            picture,
            [result, transparent, took],
            api_name="clean",
            api_description="Clean a signature: returns a PNG on white paper, and one with alpha.",
        )
        cleaned.success(
            _compare,
            [picture, result, took],
            [slider, note, opaque, transparent, comparison],
            api_visibility="private",
            show_progress="hidden",
        )
        picture.change(
            _forget,
            outputs=[result, note, opaque, transparent, comparison],
            queue=False,
            api_visibility="private",
            show_progress="hidden",
        )
    return demo


def launch(
    weights: str | None = None,
    *,
    revision: str | None = None,
    host: str | None = None,
    port: int | None = None,
    open_browser: bool = False,
) -> None:
    """Load the model once, then serve the page until interrupted.

    Args:
        weights, revision: as in `SignatureCleaner.from_pretrained`.
        host: address to listen on; None for GRADIO_SERVER_NAME, or this computer only.
        port: None for GRADIO_SERVER_PORT, or the first free one from 7860 on.
        open_browser: show the page in the system's browser.

    Raises:
        SigcleanError: the weights cannot be loaded, or the port is taken.
    """
    cleaner = SignatureCleaner.from_pretrained(weights, revision=revision)
    with _own_cache():
        demo = build_demo(cleaner, example_pictures())
        demo.queue(max_size=MAX_QUEUE, default_concurrency_limit=1)
        try:
            _, address, _ = demo.launch(
                server_name=host,
                server_port=port,
                inbrowser=open_browser,
                theme=_theme(),
                css=_CSS,
                max_file_size=MAX_FILE_SIZE,
                footer_links=["api"],
                run_history=False,  # it would keep signatures in the browser
                ssr_mode=False,
                quiet=True,
                prevent_thread_lock=True,
            )
        except OSError as error:
            reason = str(error).split(". ")[0]  # what follows is advice to programmers
            raise SigcleanError(f"the demo cannot listen: {reason}") from error
        print(f"sigclean demo: {address} (stop with Ctrl-C)", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # how containers are stopped
        demo.block_thread()


@contextmanager
def _own_cache() -> Iterator[None]:
    """A folder for Gradio's files that goes when the page does: Gradio would leave them behind."""
    variable = "GRADIO_TEMP_DIR"
    before = os.environ.get(variable)
    with TemporaryDirectory(prefix="sigclean-", dir=before, ignore_cleanup_errors=True) as folder:
        os.environ[variable] = folder
        try:
            yield
        finally:
            del os.environ[variable]
            if before is not None:
                os.environ[variable] = before


def _theme() -> gr.themes.Base:
    """With the system's own fonts: the page asks no other server for anything."""
    return gr.themes.Soft(
        primary_hue="indigo",
        font=[gr.themes.Font(name) for name in _FONTS],
        font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
    ).set(
        body_background_fill="*neutral_100",
        block_border_width="1px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def _picture_input() -> gr.Image:
    picture = gr.Image(
        label="Noisy signature",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        height=320,
        buttons=["fullscreen"],
        elem_id="picture",
    )
    _hand_over_the_file(picture)
    return picture


def _result_picture() -> gr.Image:
    picture = gr.Image(
        label="Clean signature",
        type="filepath",
        format="png",
        interactive=False,
        height=284,
        buttons=["fullscreen"],
        elem_id="result",
    )
    _hand_over_the_file(picture)
    return picture


def _slider() -> gr.ImageSlider:
    return gr.ImageSlider(
        label="Before and after",
        type="pil",
        format="png",
        interactive=False,
        max_height=560,
        buttons=["fullscreen"],
        elem_id="compare",
    )


def _hand_over_the_file(component: gr.Image) -> None:
    """Let functions have the path of the component's file, byte for byte as it was uploaded.

    gr.Image would open the file itself, and answer one that is broken with a traceback; and any
    path on this computer would pass, if whoever asks leaves out `meta` (Gradio 6.31).
    """
    uploads = Path(component.GRADIO_CACHE).resolve()

    def own_file(payload: ImageData | None) -> str | None:
        if payload is None or payload.path is None:
            return None
        if uploads not in Path(payload.path).resolve().parents:
            raise gr.Error("This file was not uploaded.", print_exception=False)
        return payload.path

    component.preprocess = own_file  # type: ignore[method-assign]


def _download(label: str, elem_id: str) -> gr.DownloadButton:
    return gr.DownloadButton(label, interactive=False, min_width=130, elem_id=elem_id)


def _clean(cleaner: SignatureCleaner, picture: str | None, cache: Path) -> tuple[str, str, float]:
    """Paths of the clean and the transparent PNG, and the seconds that cleaning took."""
    image = _read(picture)
    begin = time.perf_counter()
    clean = cleaner(image)
    took = time.perf_counter() - begin
    stem = Path(picture or "").stem
    folder = cache / uuid.uuid4().hex  # in Gradio's own folder: its clock deletes what lies there
    folder.mkdir(parents=True)
    return (
        _save(clean, folder / f"{stem}.clean.png"),
        _save(transparent_ink(clean), folder / f"{stem}.transparent.png"),
        took,
    )


def _read(picture: str | None) -> Image.Image:
    """The upload as a picture. Messages call it by its own name, not by the server's path."""
    if picture is None:
        raise gr.Error("Choose a picture first.", print_exception=False)
    try:
        return read_image(picture)
    except SigcleanError as error:
        message = str(error).replace(picture, Path(picture).name)
        raise gr.Error(f"{message}.", print_exception=False) from None


def _save(image: Image.Image, path: Path) -> str:
    image.save(path, compress_level=4)
    return str(path)


def _compare(picture: str, result: str, took: float) -> tuple[Any, ...]:
    """Fill and show the comparison and the downloads."""
    noisy = read_image(picture)
    return (
        (noisy, result),
        f"{noisy.width} × {noisy.height} pixels, cleaned in {took * 1000:.0f} ms",
        gr.DownloadButton(value=result, interactive=True),
        gr.DownloadButton(interactive=True),
        gr.Column(visible=True),
    )


def _forget() -> tuple[Any, ...]:
    """Take away the result of the picture before."""
    download = gr.DownloadButton(value=None, interactive=False)
    return None, "", download, download, gr.Column(visible=False)
