"""The demo as a Hugging Face Space, or on this computer: python app.py

SIGCLEAN_WEIGHTS (a folder or user/repo) and SIGCLEAN_REVISION choose another model than the one
that comes with sigclean; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT choose where it listens.
"""

from __future__ import annotations

import sys

from sigclean.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
