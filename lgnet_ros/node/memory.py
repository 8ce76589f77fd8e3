"""Memory without pauses: what an image leaves is kept for the next one, what stays is not looked through."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # <malloc.h>
_LARGEST_BLOCK, _LARGEST_REST = 32 << 20, 128 << 20  # bytes; glibc takes no larger block


def keep_freed_memory() -> bool:
    """Let the process keep freed blocks of up to 32 MiB, 128 MiB in all, instead of giving each back.

    On its way from a camera to the network an image is copied several times. By default glibc asks the kernel
    for each copy and gives it back, and the kernel clears it page by page: half of the time that a 640×480
    image takes from process to process.

    Returns:
        Whether the C library could be told; others than glibc have no such setting.
    """
    mallopt = _glibc("mallopt")
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK) and mallopt(_TRIM_THRESHOLD, _LARGEST_REST))


def spare_what_is_loaded() -> None:
    """Collect garbage now, and leave what remains out of later collections.

    With the network's libraries loaded there are some 270 000 objects, and Python looks through all of them
    now and then: for 0.1 s, in the middle of an image. Called again it begins anew: what was spared and has
    become garbage goes, and what loading has freed goes back to the kernel.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    _glibc("malloc_trim")(0)


def _glibc(name: str) -> Callable[..., int]:
    """One of the functions that only glibc has; elsewhere one that says that it did nothing."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return lambda *_: 0
