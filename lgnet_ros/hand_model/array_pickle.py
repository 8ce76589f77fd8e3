"""Reads pickles that hold nothing but arrays, without running anything that they ask for.

The official MANO pickles wrap arrays in objects of `chumpy`, a package that no longer installs, and in
SciPy's sparse matrices. Every class and function that such a file may name is replaced by a passive stand-in
of this module, which keeps what it is given; any other name is refused before it is looked up. NumPy itself
is not let near the file's bytes either: arrays are made from the stand-ins afterwards, by checked shape, type
and length.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix

from lgnet_ros.errors import UserError

_PLAIN_TYPE = re.compile(r"[<>|=]?[biuf][1248]")
_MAX_NESTING = 8  # chumpy's expressions in MANO are two deep
_MAX_ELEMENTS = 50_000_000


class _Passive:
    """Stands in for a class: keeps its arguments and its state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Array(_Passive):
    """numpy.ndarray; its state is (version, shape, dtype, column-major, bytes)."""


class _Type(_Passive):
    """numpy.dtype."""


class _Scalar(_Passive):
    """A NumPy scalar: (dtype, bytes)."""


class _Sparse(_Passive):
    """scipy.sparse.csc_matrix."""


class _Chumpy(_Passive):
    """chumpy.ch.Ch: an array under `x`."""


class _ChumpySelect(_Passive):
    """chumpy.reordering.Select: entries `idxs` of the flattened `a`, in `preferred_shape`."""


class _ChumpyOther(_Passive):
    """Any other expression of chumpy: kept out of the result, since none of MANO's arrays is one."""


def _new_array(*_: Any) -> _Array:
    return _Array()


def _new_object(kind: type, *_: Any) -> _Passive:
    if not (isinstance(kind, type) and issubclass(kind, _Passive)):
        raise pickle.UnpicklingError("asks for an object that is not an array")
    return kind()


def _latin1_bytes(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes into pickles of old protocols."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"asks for the encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How Python 3 writes empty bytes there."""
    return b""


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("copy_reg", "_reconstructor"): _new_object,
    ("copyreg", "_reconstructor"): _new_object,
    ("__builtin__", "object"): _Passive,
    ("builtins", "object"): _Passive,
    ("__builtin__", "set"): _Passive,  # chumpy's book-keeping
    ("builtins", "set"): _Passive,
    ("_codecs", "encode"): _latin1_bytes,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _ChumpySelect,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _new_array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"scipy.sparse{module}", "csc_matrix"): _Sparse for module in ("", ".csc", "._csc")},
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of an admitted name; nothing is ever imported."""
        if (module, name) in _ADMITTED:
            return _ADMITTED[module, name]
        if module.startswith("chumpy."):
            return _ChumpyOther
        raise pickle.UnpicklingError(f"asks for {module}.{name}, which is not an array")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a pickled dictionary, dense, float or integer; entries of other kinds are left out.

    Raises:
        UserError: no such file, not a whole pickle, not a dictionary, or it asks for anything but arrays.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    try:
        loaded = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a broken pickle fails in as many ways as there are opcodes
        raise UserError(
            f"{path}: not a readable pickle of arrays ({error or type(error).__name__})"
        ) from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: holds no dictionary of arrays")
    try:
        dense = {key: _dense(value) for key, value in loaded.items() if isinstance(value, _Passive)}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise UserError(f"{path}: holds an array that is not whole ({error})") from None
    return {str(key): value for key, value in dense.items() if value is not None}


def _dense(value: Any, depth: int = 0) -> np.ndarray | None:
    """A stand-in's array; None for what is left out."""
    if depth > _MAX_NESTING:
        raise ValueError("nested too deep")
    if isinstance(value, _Array):
        return _plain_array(value)
    if isinstance(value, _Sparse):
        return _dense_sparse(value)
    if isinstance(value, _Chumpy):
        return _dense(value.state["x"], depth + 1)
    if isinstance(value, _ChumpySelect):
        source, chosen = _dense(value.state["a"], depth + 1), _dense(value.state["idxs"], depth + 1)
        if source is None or chosen is None:
            raise ValueError("a selection from what is no array")
        return source.ravel()[chosen].reshape(value.state["preferred_shape"])
    if isinstance(value, (_Scalar, _ChumpyOther)):
        return None
    raise TypeError(f"a {type(value).__name__.lstrip('_')} where an array should be")


def _plain_array(stand_in: _Array) -> np.ndarray:
    _, shape, kind, column_major, content = stand_in.state
    plain_type = _plain_type(kind)
    if isinstance(content, str):
        content = content.encode("latin1")  # how Python 2 wrote bytes
    shape = tuple(int(length) for length in shape)
    count = math.prod(shape)
    if min(shape, default=1) < 0 or count > _MAX_ELEMENTS or count * plain_type.itemsize != len(content):
        raise ValueError(f"{len(content)} bytes for shape {shape}")
    array = np.frombuffer(content, plain_type).reshape(shape, order="F" if column_major else "C")
    return array.astype(plain_type.newbyteorder("="))


def _plain_type(kind: _Type) -> np.dtype:
    """The NumPy type of a stand-in: its code, and its byte order from the state."""
    code = str(kind.arguments[0])
    order = kind.state[1] if kind.state else "="
    if not _PLAIN_TYPE.fullmatch(code) or order not in ("<", ">", "=", "|"):
        raise ValueError(f"of type {code}")
    return np.dtype(order + code.lstrip("<>=|"))


def _dense_sparse(stand_in: _Sparse) -> np.ndarray:
    state = stand_in.state
    shape = tuple(int(length) for length in state.get("_shape", state.get("shape")))
    if len(shape) != 2 or min(shape) < 0 or math.prod(shape) > _MAX_ELEMENTS:
        raise ValueError(f"a sparse matrix of shape {shape}")
    parts = tuple(_dense(state[name]) for name in ("data", "indices", "indptr"))
    matrix = csc_matrix(parts, shape=shape)
    matrix.check_format(full_check=True)
    return matrix.toarray()
