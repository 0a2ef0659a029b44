"""The tab for one picture: choose it and its region, clean, compare, download."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from sigclean.demo.cleaning import CleanedArea
from sigclean.demo.handlers import Handlers
from sigclean.demo.parts import (
    AppearanceChoices,
    appearance_choices,
    custom_html,
    example_gallery,
    model_choice,
    queued,
    unqueued,
)
from sigclean.demo.uploads import pass_path

_DOWNLOAD_SVG = "() => document.querySelector('#svg-file').click()"


@dataclass(frozen=True)
class _Input:
    """The left side: a chooser of the picture, which its region editor then replaces."""

    chooser: gr.Column  # hidden in place of `picture`, which must not be updated: see `pass_path`
    picture: gr.Image
    editor: gr.HTML
    model: gr.Dropdown
    another: gr.Button
    find: gr.Button
    clean: gr.Button
    upload: gr.State  # path of the picture, or None


@dataclass(frozen=True)
class _Result:
    """The right side: a viewer, the choices of the appearance, and downloads."""

    viewer: gr.HTML
    note: gr.Markdown
    appearance: AppearanceChoices
    png: gr.DownloadButton
    svg: gr.Button
    svg_file: gr.DownloadButton  # hidden; a script presses it when the file is there
    cleaned: gr.State  # CleanedArea, or None


def picture_tab(handlers: Handlers, examples: Sequence[Path]) -> None:
    """Lay out the tab and connect its buttons to the handlers."""
    with gr.Row():
        with gr.Column(min_width=300):
            left = _lay_out_input(handlers)
        with gr.Column(min_width=300):
            right = _lay_out_result()
    gallery = example_gallery(examples) if examples else None
    _open_pages(handlers, left, right, gallery, examples)
    _clean_pages(handlers, left, right)


def _lay_out_input(handlers: Handlers) -> _Input:
    with gr.Column() as chooser:
        picture = gr.Image(
            label="Picture",
            type="filepath",
            sources=["upload", "clipboard", "webcam"],
            buttons=[],
            elem_id="picture",
        )
    pass_path(picture)
    editor = custom_html("editor", visible=False, elem_id="editor")
    model = model_choice(handlers.models)
    with gr.Row():
        another, find = (
            gr.Button(text, interactive=False, size="md", min_width=120, elem_id=elem_id)
            for text, elem_id in (("Another picture", "another"), ("Find signatures", "find"))
        )
    clean = gr.Button("Clean", interactive=False, variant="primary", elem_id="clean")
    return _Input(chooser, picture, editor, model, another, find, clean, gr.State(None))


def _lay_out_result() -> _Result:
    viewer = custom_html("viewer", elem_id="result")
    note = gr.Markdown(elem_id="note")
    appearance = appearance_choices()
    with gr.Row():
        png = gr.DownloadButton(
            "Download PNG", interactive=False, variant="primary", min_width=120, elem_id="png"
        )
        svg = gr.Button("Download SVG", interactive=False, min_width=120, elem_id="svg")
    svg_file = gr.DownloadButton("SVG file", visible="hidden", elem_id="svg-file")
    return _Result(viewer, note, appearance, png, svg, svg_file, gr.State(None))


def _open_pages(
    handlers: Handlers,
    left: _Input,
    right: _Result,
    gallery: gr.HTML | None,
    examples: Sequence[Path],
) -> None:
    """Connect everything that shows a new picture, or none."""

    def open_page(path: str | None) -> tuple[Any, ...]:
        editor = handlers.open(path) if path else None
        download = gr.DownloadButton(value=None, interactive=False)
        tool = gr.Button(interactive=editor is not None)
        return (
            path,
            gr.HTML(value=editor, visible=editor is not None),
            gr.Column(visible=editor is None),
            *(tool, tool, tool),
            *(None, None, "", download, gr.Button(interactive=False)),
        )

    def open_example(chosen: gr.EventData) -> tuple[Any, ...]:
        return open_page(str(examples[int(chosen.index)]))

    outputs = [
        *(left.upload, left.editor, left.chooser, left.another, left.find, left.clean),
        *(right.cleaned, right.viewer, right.note, right.png, right.svg),
    ]
    # "multiple": by default a picture chosen while the one before is still read is dropped
    left.picture.input(
        open_page, left.picture, outputs, trigger_mode="multiple", **queued()
    ).failure(None, outputs=left.picture, js="() => null", api_visibility="private")
    left.another.click(lambda: None, outputs=left.picture, **unqueued()).then(
        lambda: open_page(None), outputs=outputs, **unqueued()
    )
    if gallery is not None:
        gallery.select(open_example, None, outputs, **queued())


def _clean_pages(handlers: Handlers, left: _Input, right: _Result) -> None:
    """Connect the buttons that find, clean and trace, and the choices of the appearance."""

    def show_page(cleaned: CleanedArea | None, *appearance: str) -> tuple[Any, ...]:
        if cleaned is None:
            return gr.skip(), gr.skip(), gr.skip()
        viewer, path = handlers.show(cleaned, *appearance)
        return viewer, cleaned.note(), gr.DownloadButton(value=path, interactive=True)

    def clean_page(path: str | None, region: Any, model: str, *appearance: str) -> tuple[Any, ...]:
        cleaned = handlers.clean(path, region, model)
        return cleaned, *show_page(cleaned, *appearance), gr.Button(interactive=True)

    choices, shown = right.appearance, [right.viewer, right.note, right.png]
    page = [left.upload, left.editor, left.model]
    left.find.click(handlers.suggest, page, left.editor, **queued("minimal"))
    left.clean.click(
        clean_page, [*page, *choices.all], [right.cleaned, *shown, right.svg], **queued("minimal")
    )
    for choice in choices.all:
        choice.input(show_page, [right.cleaned, *choices.all], shown, **queued())
    right.svg.click(
        handlers.trace,
        [right.cleaned, choices.size, choices.ink],
        right.svg_file,
        **queued("minimal"),
    ).success(None, js=_DOWNLOAD_SVG, **unqueued())
