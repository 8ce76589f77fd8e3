from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.storage import load_arrays, save_arrays
from lgnet_ros.paths import weights_directory

SHIPPED = weights_directory() / "open_hand.npz"


def test_saving_a_loaded_hand_gives_the_same_bytes(tmp_path: Path) -> None:
    save_arrays(tmp_path / "again.npz", load_arrays(SHIPPED))
    assert (tmp_path / "again.npz").read_bytes() == SHIPPED.read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "again.npz"]


def test_the_shipped_file_is_small_and_in_manos_keys() -> None:
    assert SHIPPED.stat().st_size < 1_500_000
    with np.load(SHIPPED) as archive:
        keys = {
            "v_template",
            "shapedirs",
            "posedirs",
            "J_regressor",
            "weights",
            "kintree_table",
            "f",
            "hands_mean",
        }
        assert keys <= set(archive.files)


def test_the_hash_names_the_arrays_not_the_file(tmp_path: Path, open_hand: HandModel) -> None:
    save_arrays(tmp_path / "renamed.npz", open_hand.arrays("right"))
    assert HandModel.load(tmp_path / "renamed.npz").sha256 == open_hand.sha256
    arrays = load_arrays(SHIPPED)
    arrays.v_template[0, 0] += 1e-6
    save_arrays(tmp_path / "changed.npz", arrays)
    assert HandModel.load(tmp_path / "changed.npz").sha256 != open_hand.sha256


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such hand model; `lgnet hand build`"):
        load_arrays(tmp_path / "nowhere.npz")


def single_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"not a zip at all", SHIPPED.read_bytes()[:5000], single_array()])
def test_a_file_that_is_no_hand_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(UserError, match="bad.npz: not a hand model"):
        load_arrays(tmp_path / "bad.npz")


def test_a_tree_that_is_a_number_is_refused(tmp_path: Path) -> None:
    with np.load(SHIPPED) as archive:
        np.savez(tmp_path / "bad.npz", **{**archive, "kintree_table": np.int64(3)})
    with pytest.raises(UserError, match="kinematic tree is not MANO's"):
        load_arrays(tmp_path / "bad.npz")


def test_an_array_that_hides_a_pickle_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", v_template=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="not a hand model of plain arrays"):
        load_arrays(tmp_path / "bad.npz")


def test_arrays_of_wrong_shape_or_value_are_named(open_hand: HandModel) -> None:
    arrays = vars(open_hand.arrays("right"))
    with pytest.raises(UserError, match=r"weights is \(778, 15\)"):
        type(open_hand.arrays("right"))(**{**arrays, "weights": arrays["weights"][:, :15]})
    with pytest.raises(UserError, match="v_template holds values that are not finite"):
        type(open_hand.arrays("right"))(**{**arrays, "v_template": np.full((778, 3), np.nan)})
