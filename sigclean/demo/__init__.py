"""The web page that cleans signatures. `app.py` (the Space) and `sigclean demo` call `launch`; only
this package imports Gradio."""

from __future__ import annotations

from sigclean.demo.serving import launch

__all__ = ["launch"]
