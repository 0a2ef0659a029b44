"""Memory that a process keeps although it freed it."""

import platform
import subprocess
import sys


def test_freed_memory_is_kept_where_the_library_can() -> None:
    code = (
        "import resource, sys\n"
        "from sigclean.processes.memory import keep_freed_memory\n"
        "assert keep_freed_memory() or not sys.argv[1:]\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(2):\n"
        "    before = faults(); block = bytearray(64 << 20); del block\n"
        "print(faults() - before)\n"
    )
    glibc = platform.libc_ver()[0] == "glibc"
    command = [sys.executable, "-c", code, *(["glibc"] if glibc else [])]
    faults = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if glibc:
        assert faults < 100  # 16,384 pages of 4 KiB where each is handed out anew
