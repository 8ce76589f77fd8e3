"""MANO pickles without MANO: the official structure as Python 2 wrote it, with the open hand's arrays."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csc_matrix

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.array_pickle import read_arrays
from lgnet_ros.hand_model.arrays import HandArrays
from lgnet_ros.hand_model.mano_import import default_mano_directory, import_mano
from lgnet_ros.hand_model.topology import MANO_PARENTS


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.SimpleNamespace]:
    """Classes with chumpy's names and state, there only while a test writes its files."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    ch = type("Ch", (), {"__module__": "chumpy.ch"})
    select = type("Select", (ch,), {"__module__": "chumpy.reordering"})
    modules["chumpy.ch"].Ch, modules["chumpy.reordering"].Select = ch, select
    yield types.SimpleNamespace(Ch=ch, Select=select)


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2's str, which is how NumPy arrays lie in the official files."""

    dispatch = dict(pickle._Pickler.dispatch)

    def _save_str(self, content: bytes) -> None:
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(content)

    dispatch[bytes] = _save_str


def wrapped(kind: type, **state: object) -> object:
    instance = kind()
    instance.__dict__.update(state, _dirty_vars=set(), _itr=None)
    return instance


def official(arrays: HandArrays, chumpy: types.SimpleNamespace) -> dict[str, object]:
    """A dictionary as in MANO_RIGHT.pkl: the first 10 of 20 shape directions selected by chumpy."""
    twenty = np.zeros((778, 3, 20))
    twenty[..., :10] = arrays.shapedirs
    chosen = np.arange(twenty.size).reshape(twenty.shape)[..., :10].ravel()
    parents = np.array(MANO_PARENTS)
    parents[0] = 2**32 - 1
    return {
        "hands_components": arrays.hands_components.astype(np.float64),
        "f": arrays.f.astype(np.uint32),
        "J_regressor": csc_matrix(arrays.J_regressor.astype(np.float64)),
        "kintree_table": np.stack([parents, np.arange(16)]),
        "J": np.zeros((16, 3)),
        "hands_coeffs": np.zeros((1554, 45)),
        "weights": np.asfortranarray(arrays.weights.astype(np.float64)),
        "posedirs": arrays.posedirs.astype(np.float64),
        "hands_mean": arrays.hands_mean.astype(">f8"),
        "v_template": arrays.v_template.astype(np.float64),
        "shapedirs": wrapped(
            chumpy.Select, a=wrapped(chumpy.Ch, x=twenty), idxs=chosen, preferred_shape=(778, 3, 10)
        ),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


def write_pickle(path: Path, content: object, python2: bool = True, protocol: int = 2) -> None:
    buffer = io.BytesIO()
    (Python2Pickler if python2 else pickle.Pickler)(buffer, protocol=protocol, fix_imports=python2).dump(
        content
    )
    path.write_bytes(buffer.getvalue())


@pytest.fixture
def official_directory(open_hand: HandModel, chumpy: types.SimpleNamespace, tmp_path: Path) -> Path:
    directory = tmp_path / "mano_v1_2"
    directory.mkdir()
    left = official(open_hand.arrays("left"), chumpy)
    left["shapedirs"].a.x[:, 0] *= -1  # the official left hand's defect
    write_pickle(directory / "MANO_RIGHT.pkl", official(open_hand.arrays("right"), chumpy))
    write_pickle(directory / "MANO_LEFT.pkl", left)
    return directory


def test_the_official_structure_imports_without_chumpy(
    official_directory: Path, open_hand: HandModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("chumpy")]:
        monkeypatch.delitem(sys.modules, name)
    import_mano(official_directory, tmp_path / "out")
    model = HandModel.load(tmp_path / "out")
    assert model.name == "mano"
    pose = torch.tensor(np.random.default_rng(0).normal(0, 0.4, (2, 2, 16, 3)), dtype=torch.float32)
    shape = torch.tensor(np.random.default_rng(1).normal(size=(2, 2, 10)), dtype=torch.float32)
    ours, imported = open_hand.both(pose, shape), model.both(pose, shape)
    torch.testing.assert_close(imported.vertices, ours.vertices, atol=1e-6, rtol=0)
    torch.testing.assert_close(model.mean_pose, open_hand.mean_pose)
    assert model.fingertip_vertices.tolist() == [744, 320, 443, 554, 671]
    assert len(model.nail_vertices) == 0


def test_a_left_hand_without_the_defect_is_left_alone(
    official_directory: Path, open_hand: HandModel, chumpy: types.SimpleNamespace, tmp_path: Path
) -> None:
    write_pickle(official_directory / "MANO_LEFT.pkl", official(open_hand.arrays("left"), chumpy))
    import_mano(official_directory, tmp_path / "out")
    arrays = HandModel.load(tmp_path / "out").arrays("left")
    np.testing.assert_allclose(arrays.shapedirs, open_hand.arrays("left").shapedirs)


@pytest.mark.parametrize(("python2", "protocol"), [(True, 0), (True, 2), (False, 2), (False, 4)])
def test_arrays_survive_every_way_of_writing_them(tmp_path: Path, python2: bool, protocol: int) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "double": rng.normal(size=(3, 4)),
        "single": rng.normal(size=5).astype(np.float32),
        "columns": np.asfortranarray(rng.normal(size=(4, 3))),
        "big": rng.normal(size=7).astype(">f8"),
        "unsigned": rng.integers(0, 99, (2, 2)).astype(np.uint32),
        "empty": np.zeros((0, 3)),
    }
    if protocol:  # Python 2's own protocol 0 writes bytes as text; its binary protocol is what the files use
        write_pickle(
            tmp_path / "a.pkl", {**arrays, "sparse": csc_matrix(np.eye(3)), "text": "x"}, python2, protocol
        )
    else:
        (tmp_path / "a.pkl").write_bytes(pickle.dumps({**arrays, "sparse": csc_matrix(np.eye(3))}, 0))
    read = read_arrays(tmp_path / "a.pkl")
    assert set(read) == {*arrays, "sparse"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
    np.testing.assert_array_equal(read["sparse"], np.eye(3))


class Hostile:
    """Asks for a function call when it is unpickled."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


def hostile_payloads(flag: Path) -> dict[str, object]:
    import os
    import subprocess

    command = f"open({str(flag)!r}, 'w').close()"
    return {
        "os.system": Hostile(os.system, f"touch {flag}"),
        "eval": Hostile(eval, command),
        "exec": Hostile(exec, command),
        "subprocess": Hostile(subprocess.call, ["touch", str(flag)]),
        "open": Hostile(open, str(flag), "w"),
        "getattr": Hostile(getattr, "text", "upper"),
        "numpy.load": Hostile(np.load, str(flag)),
        "numpy.memmap": Hostile(np.memmap, str(flag), "u1", "w+", 0, (1,)),
        "Path.touch": Hostile(Path.touch, flag),
        "import": Hostile(__import__, "antigravity"),
    }


@pytest.mark.parametrize("name", list(hostile_payloads(Path("flag"))))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path: Path, name: str, protocol: int) -> None:
    flag = tmp_path / "it_ran"
    content = {"v_template": np.zeros((778, 3)), "shapedirs": hostile_payloads(flag)[name]}
    (tmp_path / "MANO_RIGHT.pkl").write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(UserError, match="asks for .* not an array"):
        read_arrays(tmp_path / "MANO_RIGHT.pkl")
    assert not flag.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch it_ran'\ntR.",  # a global and a call, by hand
        b"cchumpy.ch\n__import__\n(S'os'\ntR.",  # a name under chumpy stands for nothing
        b"c__builtin__\nobject.__subclasses__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93.",  # a dotted path below an admitted class
        b"ccopy_reg\n_reconstructor\n(cos\nsystem\ncos\nsystem\nNtR.",
        b"ccopy_reg\n_reconstructor\n(S'os'\nNNtR.",
        b"Pos.system\n.",  # a persistent id
        b"\x80\x02\x82\x01.",  # an extension code
        b"(S'touch it_ran'\nios\nsystem\n.",
    ],
)
def test_hand_written_opcodes_do_not_get_further(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(UserError):
        read_arrays(tmp_path / "a.pkl")
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.parametrize(
    "state",
    [
        (1, (2, 2), None, False, b"\0" * 7),  # too few bytes
        (1, (-1, 4), None, False, b"\0" * 8),
        (1, (2**40, 2**40), None, False, b""),
        (1, (2,), "O8", False, b"\0" * 16),  # object pointers
    ],
)
def test_arrays_that_are_not_whole_are_refused(tmp_path: Path, state: tuple) -> None:
    version, shape, code, order, content = state

    class Broken:
        def __reduce__(self) -> tuple:
            reconstruct = np.zeros(1).__reduce__()[0]
            return (
                reconstruct,
                (np.ndarray, (0,), b"b"),
                (version, shape, np.dtype(code or "f8"), order, content),
            )

    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": Broken()}, 2))
    with pytest.raises(UserError, match="not whole"):
        read_arrays(tmp_path / "a.pkl")


def test_a_truncated_file_is_one_clear_line(official_directory: Path, tmp_path: Path) -> None:
    right = official_directory / "MANO_RIGHT.pkl"
    right.write_bytes(right.read_bytes()[:100_000])
    with pytest.raises(UserError, match=r"MANO_RIGHT.pkl: not a readable pickle of arrays \(.*\)$"):
        import_mano(official_directory, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_foreign_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "MANO_RIGHT.pkl").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    with pytest.raises(UserError, match="MANO_RIGHT.pkl: not a readable pickle"):
        import_mano(tmp_path, tmp_path / "out")


def test_a_pickle_of_another_model_says_what_it_lacks(official_directory: Path, tmp_path: Path) -> None:
    write_pickle(official_directory / "MANO_RIGHT.pkl", {"v_template": np.zeros((6890, 3))})
    with pytest.raises(UserError, match="lacks shapedirs, posedirs"):
        import_mano(official_directory, tmp_path / "out")


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="MANO_RIGHT.pkl: No such file"):
        import_mano(tmp_path, tmp_path / "out")
    with pytest.raises(UserError, match="no such folder"):
        import_mano(tmp_path / "nowhere", tmp_path / "out")


def test_imported_files_go_to_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_mano_directory() == tmp_path / "lgnet_ros" / "mano"
