"""Serve the web page, as a Hugging Face Space or on this computer: python app.py

SIGCLEAN_WEIGHTS (weights folders or user/repo, joined by commas) and SIGCLEAN_REVISION choose
models other than the packaged one; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT choose the address.
docs/demo.md has all settings.
"""

from __future__ import annotations

import sys

from sigclean.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
