"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.files import whole_file, write_whole


def test_a_file_appears_with_its_folders_and_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "a.bin", b"all of it")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"all of it"
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_under_way_keeps_the_suffix_and_is_hidden(tmp_path: Path) -> None:
    with whole_file(tmp_path / "film.mp4") as part:
        assert part.suffix == ".mp4"
        assert part.name.startswith(".")
        part.write_bytes(b"x")


def test_a_place_that_cannot_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"file/a\.txt: cannot be written \("):
        write_whole(tmp_path / "file" / "a.txt", b"")


def test_a_full_disk_is_named_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"a\.txt: cannot be written \(No space left"),
        whole_file(tmp_path / "a.txt"),
        open("/dev/full", "w", encoding="utf-8") as full,
    ):
        full.write("x")
