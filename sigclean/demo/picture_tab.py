"""The tab for one picture: choose it, choose the region, clean, compare, download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from sigclean.demo.cleaning import Cleaned
from sigclean.demo.desk import Desk
from sigclean.demo.parts import (
    LookChoices,
    at_once,
    computes,
    example_gallery,
    look_choices,
    model_choice,
    own_part,
)
from sigclean.demo.uploads import hand_over_the_file

_DOWNLOAD_SVG = "() => document.querySelector('#svg-file').click()"


@dataclass(frozen=True)
class _Input:
    """The left side: where a picture is put, or, once there is one, its region is chosen."""

    chooser: gr.Column  # of the picture, which stays as it is: see `hand_over_the_file`
    picture: gr.Image
    editor: gr.HTML
    model: gr.Dropdown
    another: gr.Button
    find: gr.Button
    clean: gr.Button
    upload: gr.State  # path of the picture


@dataclass(frozen=True)
class _Result:
    """The right side."""

    viewer: gr.HTML
    note: gr.Markdown
    looks: LookChoices
    png: gr.DownloadButton
    svg: gr.Button
    svg_file: gr.DownloadButton  # not seen: it is pressed when the file is there
    cleaned: gr.State  # Cleaned, or None


def picture_tab(desk: Desk, examples: Sequence[Path]) -> None:
    """Lay the tab out, and say what its buttons do."""
    with gr.Row():
        with gr.Column(min_width=300):
            left = _lay_out_input(desk)
        with gr.Column(min_width=300):
            right = _lay_out_result()
    gallery = example_gallery(examples) if examples else None
    _open_pages(desk, left, right, gallery, examples)
    _clean_pages(desk, left, right)


def _lay_out_input(desk: Desk) -> _Input:
    with gr.Column() as chooser:
        picture = gr.Image(
            label="Picture",
            type="filepath",
            sources=["upload", "clipboard", "webcam"],
            buttons=[],
            elem_id="picture",
        )
    hand_over_the_file(picture)
    editor = own_part("editor", visible=False, elem_id="editor")
    model = model_choice(desk.models)
    with gr.Row():
        another, find = (
            gr.Button(text, interactive=False, size="md", min_width=120, elem_id=elem_id)
            for text, elem_id in (("Another picture", "another"), ("Find signatures", "find"))
        )
    clean = gr.Button("Clean", interactive=False, variant="primary", elem_id="clean")
    return _Input(chooser, picture, editor, model, another, find, clean, gr.State(None))


def _lay_out_result() -> _Result:
    viewer = own_part("viewer", elem_id="result")
    note = gr.Markdown(elem_id="note")
    looks = look_choices()
    with gr.Row():
        png = gr.DownloadButton(
            "Download PNG", interactive=False, variant="primary", min_width=120, elem_id="png"
        )
        svg = gr.Button("Download SVG", interactive=False, min_width=120, elem_id="svg")
    svg_file = gr.DownloadButton("SVG file", visible="hidden", elem_id="svg-file")
    return _Result(viewer, note, looks, png, svg, svg_file, gr.State(None))


def _open_pages(
    desk: Desk, left: _Input, right: _Result, gallery: gr.HTML | None, examples: Sequence[Path]
) -> None:
    """A new picture, an example, or none again."""

    def open_page(path: str | None) -> tuple[Any, ...]:
        editor = desk.open(path) if path else None
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
    # "multiple": by default what is chosen while the picture before is still being read is dropped
    left.picture.input(
        open_page, left.picture, outputs, trigger_mode="multiple", **computes()
    ).failure(None, outputs=left.picture, js="() => null", api_visibility="private")
    left.another.click(lambda: None, outputs=left.picture, **at_once()).then(
        lambda: open_page(None), outputs=outputs, **at_once()
    )
    if gallery is not None:
        gallery.select(open_example, None, outputs, **computes())


def _clean_pages(desk: Desk, left: _Input, right: _Result) -> None:
    """From the region to files, and other looks of the same result."""

    def show_page(cleaned: Cleaned | None, *look: str) -> tuple[Any, ...]:
        if cleaned is None:
            return gr.skip(), gr.skip(), gr.skip()
        viewer, path = desk.show(cleaned, *look)
        return viewer, cleaned.note(), gr.DownloadButton(value=path, interactive=True)

    def clean_page(path: str | None, region: Any, model: str, *look: str) -> tuple[Any, ...]:
        cleaned = desk.clean(path, region, model)
        return cleaned, *show_page(cleaned, *look), gr.Button(interactive=True)

    looks, shown = right.looks, [right.viewer, right.note, right.png]
    page = [left.upload, left.editor, left.model]
    left.find.click(desk.suggest, page, left.editor, **computes("minimal"))
    left.clean.click(
        clean_page, [*page, *looks.all], [right.cleaned, *shown, right.svg], **computes("minimal")
    )
    for choice in looks.all:
        choice.input(show_page, [right.cleaned, *looks.all], shown, **computes())
    right.svg.click(
        desk.trace, [right.cleaned, looks.size, looks.ink], right.svg_file, **computes("minimal")
    ).success(None, js=_DOWNLOAD_SVG, **at_once())
