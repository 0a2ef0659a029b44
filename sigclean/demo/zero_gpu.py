"""Borrow a GPU for each call where the page runs on ZeroGPU hardware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

SECONDS = 30  # the longest that one call may hold the GPU


def on_gpu(function: Function) -> Function:
    """`function` as `spaces.GPU` runs it; itself where the package `spaces` is not installed."""
    try:
        import spaces
    except ImportError:
        return function
    decorated: Function = spaces.GPU(duration=SECONDS)(function)
    return decorated
