"""Borrow a GPU for each call on ZeroGPU hardware, where the package `spaces` is installed."""

from collections.abc import Callable
from typing import Any, TypeVar

try:
    import spaces  # before torch looks for a GPU
except ImportError:
    spaces = None

Function = TypeVar("Function", bound=Callable[..., Any])

SECONDS = 30  # longest time that one call may hold the GPU


def on_gpu(function: Function) -> Function:
    """Make `function` borrow a GPU; without the package `spaces` it is returned as it is.

    To be called while the page starts, which is when ZeroGPU looks for such functions.
    """
    if spaces is None:
        return function
    decorated: Function = spaces.GPU(duration=SECONDS)(function)
    return decorated
