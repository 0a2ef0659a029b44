"""Borrow a GPU for each call where the page runs on ZeroGPU hardware, which has `spaces`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

try:
    import spaces  # has to come before torch looks for a GPU
except ImportError:
    spaces = None

Function = TypeVar("Function", bound=Callable[..., Any])

SECONDS = 30  # the longest that one call may hold the GPU


def on_gpu(function: Function) -> Function:
    """`function` as `spaces.GPU` runs it; itself where the package `spaces` is not installed.

    To be called while the page starts: ZeroGPU looks for such functions then.
    """
    if spaces is None:
        return function
    decorated: Function = spaces.GPU(duration=SECONDS)(function)
    return decorated
