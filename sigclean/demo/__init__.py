"""The web page: pictures in, clean signatures out. `app.py` (the Space) and `sigclean demo` end
here; Gradio is imported by this package alone."""

from __future__ import annotations

from sigclean.demo.serving import launch

__all__ = ["launch"]
