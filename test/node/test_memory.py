"""Images that come and go take no new pages from the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


def page_faults(mode: str) -> int:
    """Of 50 images, each copied six times."""
    command = [sys.executable, "-c", COPIES, mode]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if said == "no glibc":
        pytest.skip("this C library is not glibc")
    return int(said)


def test_what_an_image_leaves_is_kept_for_the_next() -> None:
    pages = 640 * 480 * 3 // 4096
    assert page_faults("keep") < pages
    assert page_faults("give back") > 50 * pages
