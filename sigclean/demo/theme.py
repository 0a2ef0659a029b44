"""The theme of the web page: colours, fonts, title, and style sheet."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STATIC = Path(__file__).parent / "static"

_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]

_INK = gr.themes.Color(
    name="ink",
    c50="#eef2ff",
    c100="#dfe6fe",
    c200="#c3cffc",
    c300="#9cadf7",
    c400="#7283ee",
    c500="#4d5de0",
    c600="#3945c4",
    c700="#2f389c",
    c800="#28307c",
    c900="#1f2558",
    c950="#141838",
)

HEAD = """<div id="head">
<svg viewBox="0 0 48 48" aria-hidden="true"><rect width="48" height="48" rx="11" fill="#3945c4"/>
<path d="M7 31c7-2 11-19 15-18 4 1-7 20-3 21 4 0 6-11 9-11 2 0-1 8 2 8 3 0 4-6 6-6 2 0 1 4 5 3"
 fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
<path d="M7 39h34" stroke="#9cadf7" stroke-width="2" stroke-dasharray="3 4"/></svg>
<div><h1>sigclean</h1>
<p>Handwritten signatures, cleaned: lines, print, stamps and paper erased, every stroke kept.</p>
</div></div>"""


def read_static(name: str) -> str:
    """The text of a file in `static/`."""
    return (STATIC / name).read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """Ink blue on quiet grey, light and dark, with the system's fonts: no other server is asked."""
    return gr.themes.Soft(
        primary_hue=_INK,
        secondary_hue=_INK,
        neutral_hue="slate",
        radius_size="lg",
        font=[gr.themes.Font(name) for name in _FONTS],
        font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
    ).set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_border_width="1px",
        block_label_text_color="*primary_700",
        block_label_text_color_dark="white",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_padding="0",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )
