"""Memory that a process frees and soon needs again."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the numbers of glibc's options, see `man mallopt`


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees, instead of giving it back to the system.

    A step of training on a CPU frees and takes gigabytes. Linux hands out each page of them anew,
    filled with zeros, which took a twelfth of a step of the default networks. The process then
    keeps what it needed at most.

    Returns True if the C library could be told so: only glibc can.
    """
    if not sys.platform.startswith("linux"):
        return False
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is None:  # musl
        return False
    return bool(option(_MMAP_THRESHOLD, 1 << 30) and option(_TRIM_THRESHOLD, (1 << 31) - 1))
