"""The page: its tabs, and the endpoints that programs call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from sigclean.demo.batch_tab import batch_tab
from sigclean.demo.desk import Desk
from sigclean.demo.models import card_text, choose
from sigclean.demo.parts import CPU, at_once
from sigclean.demo.picture_tab import picture_tab
from sigclean.demo.privacy import promise
from sigclean.demo.theme import HEAD
from sigclean.demo.uploads import hand_over_the_file


def build_page(desk: Desk, examples: Sequence[Path] = ()) -> gr.Blocks:
    """The page with its endpoints `/clean` and `/clean_batch`."""
    settings = desk.settings
    clock = (max(1, round(settings.sweep_seconds)), settings.keep_seconds)
    with gr.Blocks(title="sigclean", analytics_enabled=False, delete_cache=clock) as page:
        gr.HTML(HEAD)
        with gr.Tabs():
            with gr.Tab("One picture"):
                picture_tab(desk, examples)
            with gr.Tab("Several"):
                batch_tab(desk)
            with gr.Tab("About"):
                _about_tab(desk)
        gr.Markdown(promise(settings), elem_id="privacy")
        _clean_endpoint(desk)
    return page


def _about_tab(desk: Desk) -> None:
    """What the model's card says."""
    names = list(desk.models)
    name = gr.Radio(names, value=names[0], label="Model", visible=len(names) > 1, elem_id="which")
    card = gr.Markdown(card_text(choose(desk.models, None)), elem_id="card")
    name.change(lambda chosen: card_text(choose(desk.models, chosen)), name, card, **at_once())


def _clean_endpoint(desk: Desk) -> None:
    """`/clean`: a picture in; the clean picture and its ink on transparent ground out."""
    picture = gr.Image(label="Noisy signature", type="filepath", visible=False)
    hand_over_the_file(picture)
    clean = gr.Image(label="Clean signature", type="filepath", format="png", visible=False)
    transparent = gr.DownloadButton("Transparent PNG", visible=False)

    def clean_one(picture: str | None) -> tuple[str, str]:
        """Erase everything but the signature."""
        return desk.clean_upload(picture)

    gr.Button(visible=False).click(
        clean_one,
        picture,
        [clean, transparent],
        api_name="clean",
        api_description="Clean a signature: returns a PNG on white paper, and one with alpha.",
        concurrency_id=CPU,
    )
