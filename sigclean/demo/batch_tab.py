"""The tab for several pictures, which become a zip; also the endpoint `/clean_batch`."""

from typing import Any

import gradio as gr

from sigclean.demo.appearance import Appearance
from sigclean.demo.handlers import Handlers
from sigclean.demo.parts import (
    BATCH,
    appearance_choices,
    ink_options,
    model_choice,
    unqueued,
)
from sigclean.demo.uploads import pass_paths

_PROGRESS = gr.Progress()


def batch_tab(handlers: Handlers) -> None:
    """Lay out the tab and connect its button to the handler."""
    with gr.Row():
        with gr.Column(min_width=300):
            files = gr.File(label="Pictures", file_count="multiple", height=280, elem_id="files")
            pass_paths(files)
            model = model_choice(handlers.models)
        with gr.Column(min_width=300):
            appearance = appearance_choices()
            hidden = ink_options()
            button = gr.Button("Clean all", variant="primary", elem_id="clean-all")
            report = gr.Markdown(elem_id="report", min_height=60)
            archive = gr.DownloadButton("Download zip", interactive=False, elem_id="zip")

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

        appearance = Appearance(paper, size, ink)
        return handlers.clean_batch(files, appearance, model, pen, invert, tell)

    button.click(
        clean_batch,
        [files, *appearance.all, model, *hidden],
        [archive, report],
        api_name="clean_batch",
        api_description="Clean several pictures: returns a zip of PNG files, and a summary.",
        concurrency_id=BATCH,
        show_progress_on=report,
    ).success(lambda: gr.DownloadButton(interactive=True), outputs=archive, **unqueued())
    files.change(lambda: gr.DownloadButton(interactive=False), outputs=archive, **unqueued())
