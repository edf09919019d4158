"""The memory allocator of a PyTorch twin."""

import os
import sys
from pathlib import Path

# glibc hands large freed blocks back to the kernel and faults them in again; these keep them. Read when the process starts.
TUNED_GLIBC = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


def with_allocator(choice):
    """Starts this program again under the allocator asked for: it must be in place before Python is."""
    if choice == "system" or os.environ.get("BENCH_ALLOCATOR") == choice:
        return
    environment = dict(os.environ, BENCH_ALLOCATOR=choice)
    if choice == "tuned":
        environment.update(TUNED_GLIBC)
    elif Path(choice).is_file():
        environment["LD_PRELOAD"] = choice
    else:
        sys.exit(f"--allocator {choice}: no such file; expected system, tuned or the path of a shared library")
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)
