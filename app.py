"""The demo as a Hugging Face Space, or on this computer: python app.py

SIGCLEAN_WEIGHTS (folders or user/repo, joined by commas) and SIGCLEAN_REVISION choose other models
than the one that comes with sigclean; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT choose where it
listens. docs/demo.md has all settings.
"""

from __future__ import annotations

import sys

from sigclean.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
