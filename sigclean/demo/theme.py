"""The theme of the web page, and its static files: title, style sheet, scripts."""

from pathlib import Path

import gradio as gr

STATIC = Path(__file__).parent / "static"

_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]

_INK = gr.themes.Color(  # from the lightest to the darkest
    "#eef2ff", "#dfe6fe", "#c3cffc", "#9cadf7", "#7283ee", "#4d5de0", "#3945c4", "#2f389c",
    "#28307c", "#1f2558", "#141838", name="ink",
)  # fmt: skip


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
