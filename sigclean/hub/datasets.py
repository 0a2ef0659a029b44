"""The `datasets` library: imported quietly, its errors cut to a sentence."""

import sys
from typing import Any

from sigclean.extras import require


def library(extra: str) -> Any:
    """Import the library; without a terminal its progress bars and messages are switched off.

    Args:
        extra: the extra of sigclean that brings it.

    Raises SigcleanError if it is not installed.
    """
    require("datasets", extra=extra, purpose="--dataset")
    import datasets

    if not sys.stderr.isatty():
        from huggingface_hub.utils import disable_progress_bars, logging

        disable_progress_bars()
        logging.set_verbosity_error()
        datasets.disable_progress_bars()
        datasets.logging.set_verbosity_error()
    return datasets


def fetch(url: str, token: str = "") -> bytes:
    """Download a file that a data set refers to by its address. Raises OSError."""
    from datasets import DownloadConfig
    from datasets.utils.file_utils import xopen

    with xopen(url, "rb", download_config=DownloadConfig(token=token or None)) as file:
        return file.read()
