"""Images that come and go take no new pages from the kernel, and no time from the garbage collector; what
loading has freed takes no memory.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from lgnet_ros.node.memory import spare_what_is_loaded

COPIES = """
import resource, sys
from lgnet_ros.node.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    print("no glibc")
    sys.exit()
for image in range(60):
    if image == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    copies = [bytearray(640 * 480 * 3) for copy in range(6)]
    del copies
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

LOADED = """
import sys
from lgnet_ros.node.memory import keep_freed_memory, spare_what_is_loaded
from lgnet_ros.node.statistics import resident_memory_mb
if not keep_freed_memory():
    print("no glibc")
    sys.exit()
read, stays = [], []
for block in range(100):
    read.append(b"x" * 1_000_000)
    stays.append(b"x" * 10_000)
del read
before = resident_memory_mb()
spare_what_is_loaded()
print(round(before - resident_memory_mb()))
"""


def said_by(*command: str) -> int:
    said = subprocess.run([sys.executable, "-c", *command], capture_output=True, text=True, check=True)
    if said.stdout.strip() == "no glibc":
        pytest.skip("this C library is not glibc")
    return int(said.stdout)


def page_faults(mode: str) -> int:
    """Of 50 images, each copied six times."""
    return said_by(COPIES, mode)


def test_what_an_image_leaves_is_kept_for_the_next() -> None:
    pages = 640 * 480 * 3 // 4096
    assert page_faults("keep") < pages
    assert page_faults("give back") > 50 * pages


def test_what_loading_has_freed_is_given_back() -> None:
    assert said_by(LOADED) > 80  # MB of 100


class Cycle:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


def test_collections_leave_out_what_is_loaded_until_it_has_gone() -> None:
    cycle = Cycle()
    gone = weakref.ref(cycle)
    try:
        spare_what_is_loaded()
        assert not any(thing is cycle for thing in gc.get_objects())
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
        del cycle
        gc.collect()
        assert gone() is not None  # it was not looked at
        spare_what_is_loaded()
        assert gone() is None
    finally:
        gc.unfreeze()
