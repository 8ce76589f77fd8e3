"""How inner loops are compiled: without the interpreter lock, kept on disk where that is
possible."""

from __future__ import annotations

from collections.abc import Callable

from numba import njit


def compiled(function: Callable, fastmath: bool | set[str] = True, **options: bool) -> Callable:
    """`numba.njit` with a cache on disk, or without one where no folder can be written.

    Numba keeps the machine code beside the source, else in the user's cache folder (or NUMBA_CACHE_DIR). On a
    read-only installation without a home folder it refuses; then each process compiles for itself.
    """
    how = {"nogil": True, "fastmath": fastmath, "error_model": "numpy", **options}
    try:
        return njit(cache=True, **how)(function)
    except RuntimeError:
        return njit(**how)(function)


def exactly(function: Callable) -> Callable:
    """`compiled` with the arithmetic as it is written, rounding for rounding NumPy's: for what decides."""
    return compiled(function, fastmath=False)


def counting_nothing(function: Callable) -> Callable:
    """`compiled` without counting who holds which array, for loops that make no array and inline helpers that
    take some: each pixel would count up and down for every one."""
    return compiled(function, _nrt=False)


def inlined(function: Callable) -> Callable:
    """A helper of the inner loops, made part of its caller before compilation: passing arrays to a function
    of its own costs more than many of them compute."""
    return njit(inline="always")(function)
