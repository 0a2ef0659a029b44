"""The web page: its tabs, and the endpoints that programs call."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from sigclean.demo.batch_tab import batch_tab
from sigclean.demo.handlers import Handlers
from sigclean.demo.models import card_text, choose
from sigclean.demo.parts import CPU, ink_options, unqueued
from sigclean.demo.picture_tab import picture_tab
from sigclean.demo.privacy import privacy_notice
from sigclean.demo.theme import read_static
from sigclean.demo.uploads import pass_path


def build_page(handlers: Handlers, examples: Sequence[Path] = ()) -> gr.Blocks:
    """Lay out the page with its endpoints `/clean` and `/clean_batch`.

    Args:
        examples: pictures to try, as `parts.example_pictures` finds them.
    """
    with gr.Blocks(title="sigclean", analytics_enabled=False) as page:
        gr.HTML(read_static("head.html"))
        with gr.Tabs():
            with gr.Tab("One picture"):
                picture_tab(handlers, examples)
            with gr.Tab("Several"):
                batch_tab(handlers)
            with gr.Tab("About"):
                _about_tab(handlers)
        gr.Markdown(privacy_notice(handlers.settings), elem_id="privacy")
        _clean_endpoint(handlers)
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
        [picture, *ink_options()],
        [clean, transparent],
        api_name="clean",
        api_description="Clean a signature: returns a PNG on white paper, and one with alpha.",
        concurrency_id=CPU,
    )
