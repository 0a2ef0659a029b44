"""The tab for several pictures: a zip comes out. It is the endpoint `/clean_batch`, too."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sigclean.demo.desk import Desk
from sigclean.demo.parts import CPU, at_once, look_choices, model_choice
from sigclean.demo.uploads import hand_over_the_files

_PROGRESS = gr.Progress()


def batch_tab(desk: Desk) -> None:
    """Lay the tab out, and say what its button does."""
    with gr.Row():
        with gr.Column(min_width=300):
            files = gr.File(label="Pictures", file_count="multiple", height=280, elem_id="files")
            hand_over_the_files(files)
            model = model_choice(desk.models)
        with gr.Column(min_width=300):
            looks = look_choices()
            button = gr.Button("Clean all", variant="primary", elem_id="clean-all")
            report = gr.Markdown(elem_id="report", min_height=60)
            archive = gr.DownloadButton("Download zip", interactive=False, elem_id="zip")

    def clean_batch(
        files: list[str],
        paper: str,
        size: str,
        ink: str,
        model: str | None,
        progress: Any = _PROGRESS,  # Gradio finds it by its default value
    ) -> tuple[str, str]:
        """Clean several pictures."""

        def tell(share: float) -> None:
            progress(share, desc="Cleaning")

        return desk.clean_batch(files, paper, size, ink, model, tell)

    button.click(
        clean_batch,
        [files, *looks.all, model],
        [archive, report],
        api_name="clean_batch",
        api_description="Clean several pictures: returns a zip of PNG files, and a summary.",
        concurrency_id=CPU,
        show_progress_on=report,
    ).success(lambda: gr.DownloadButton(interactive=True), outputs=archive, **at_once())
    files.change(lambda: gr.DownloadButton(interactive=False), outputs=archive, **at_once())
