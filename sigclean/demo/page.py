"""The web page: its tabs, and the endpoints that programs call."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from sigclean.demo.appearance import INKS, PAPERS, SIZES
from sigclean.demo.handlers import Handlers
from sigclean.demo.models import card_text, choose
from sigclean.demo.parts import BATCH, CPU, custom_html, example_buttons, unqueued
from sigclean.demo.privacy import privacy_notice
from sigclean.demo.theme import read_static
from sigclean.demo.uploads import pass_path, pass_paths

_PROGRESS = gr.Progress()


def build_page(handlers: Handlers, examples: Sequence[Path] = ()) -> gr.Blocks:
    """Lay out the page with its endpoints `/clean` and `/clean_batch`.

    The first two tabs are scripts of the page's own, which ask the addresses of `routes`.

    Args:
        examples: pictures to try, as `parts.example_pictures` finds them.
    """
    models = list(handlers.models)
    one = {
        "models": models,
        "examples": example_buttons(examples),
        "megabytes": handlers.settings.max_megabytes,
    }
    several = {"models": models, "most": handlers.settings.max_files}
    with gr.Blocks(title="sigclean", analytics_enabled=False) as page:
        gr.HTML(read_static("head.html"))
        with gr.Tabs():
            with gr.Tab("One picture"):
                custom_html("picture", one)
            with gr.Tab("Several"):
                custom_html("several", several)
            with gr.Tab("Help"):
                gr.HTML(read_static("help.html"))
            with gr.Tab("About"):
                _about_tab(handlers)
        gr.Markdown(privacy_notice(handlers.settings), elem_id="privacy")
        _clean_endpoint(handlers)
        _batch_endpoint(handlers)
    return page


def _about_tab(handlers: Handlers) -> None:
    """Show the card of a model."""
    names = list(handlers.models)
    name = gr.Radio(names, value=names[0], label="Model", visible=len(names) > 1, elem_id="which")
    card = gr.Markdown(card_text(choose(handlers.models, None)), elem_id="card")
    name.change(lambda chosen: card_text(choose(handlers.models, chosen)), name, card, **unqueued())


def _clean_endpoint(handlers: Handlers) -> None:
    """The endpoint `/clean`: a picture becomes a PNG on white and a transparent one."""
    picture = gr.Image(label="Noisy signature", type="filepath", visible=False)
    pass_path(picture)
    clean = gr.Image(label="Clean signature", type="filepath", format="png", visible=False)
    transparent = gr.DownloadButton("Transparent PNG", visible=False)

    def clean_one(picture: str | None, pen: str = "auto", invert: str = "auto") -> tuple[str, str]:
        """Erase everything but the signature."""
        return handlers.clean_upload(picture, pen, invert)

    gr.Button(visible=False).click(
        clean_one,
        [picture, *_ink_options()],
        [clean, transparent],
        api_name="clean",
        api_description="Clean a signature: returns a PNG on white paper, and one with alpha.",
        concurrency_id=CPU,
    )


def _batch_endpoint(handlers: Handlers) -> None:
    """The endpoint `/clean_batch`: several pictures become a zip."""
    files = gr.File(label="Pictures", file_count="multiple", visible=False)
    pass_paths(files)
    paper, size, ink = (
        gr.Radio(list(known), value=known[0], label=label, visible=False)
        for label, known in (("Paper", PAPERS), ("Size", SIZES), ("Ink", INKS))
    )
    names = list(handlers.models)
    model = gr.Dropdown(names, value=names[0], label="Model", visible=False)
    archive = gr.DownloadButton("Download zip", visible=False)
    report = gr.Markdown(visible=False)

    def clean_batch(
        files: list[str],
        paper: str,
        size: str,
        ink: str,
        model: str | None,
        pen: str = "auto",
        invert: str = "auto",
        progress: Any = _PROGRESS,  # Gradio finds it by its default value
    ) -> tuple[str, str]:
        """Clean several pictures."""

        def tell(share: float) -> None:
            progress(share, desc="Cleaning")

        look = {"paper": paper, "size": size, "ink": ink}
        return handlers.clean_batch(files, look, model, pen, invert, tell)

    gr.Button(visible=False).click(
        clean_batch,
        [files, paper, size, ink, model, *_ink_options()],
        [archive, report],
        api_name="clean_batch",
        api_description="Clean several pictures: returns a zip of PNG files, and a summary.",
        concurrency_id=BATCH,
    )


def _ink_options() -> list[gr.Textbox]:
    """Lay out `pen` and `invert`, which programs may set."""
    return [gr.Textbox("auto", label=label, visible=False) for label in ("Pen", "Invert")]
