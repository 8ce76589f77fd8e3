"""Hand models on disk: a plain .npz in MANO's keys that smplx reads too (`ext="npz"`).

The same arrays always give the same bytes, so that a rebuilt file can be compared by its checksum.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.files import whole_file
from lgnet_ros.hand_model.arrays import HandArrays
from lgnet_ros.hand_model.topology import MANO_PARENTS, VERTEX_COUNT

# MANO's own mesh has no vertex called a fingertip. These are smplx's; other evaluators take
# 745, 317, 444, 556, 673.
MANO_FINGERTIPS = (744, 320, 443, 554, 671)

_REQUIRED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table")
_ROOT_MARK = 2**32 - 1  # MANO stores the root's parent so


def save_arrays(path: Path, arrays: HandArrays) -> None:
    """Write one hand, atomically, with a fixed time stamp and compression (deterministic bytes).

    Raises:
        UserError: the file cannot be written.
    """
    members = {name: getattr(arrays, name) for name in arrays.__dataclass_fields__}
    members["f"] = arrays.f.astype(np.uint32)
    parents = np.array(MANO_PARENTS, np.int64)
    parents[0] = _ROOT_MARK
    members["kintree_table"] = np.stack([parents, np.arange(len(parents))])
    with whole_file(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name in sorted(members):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(members[name]), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue(), compresslevel=9)


def load_arrays(path: Path) -> HandArrays:
    """Read one hand from an .npz in MANO's keys; pickled members are refused.

    Raises:
        UserError: no such file, not an .npz of plain arrays, or not a hand of MANO's layout.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UserError(f"{path}: no such hand model; `lgnet hand build` makes the open hand") from None
    except (TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:  # TypeError: an .npy
        raise UserError(f"{path}: not a hand model of plain arrays ({error})") from None
    return arrays_from_members(members, str(path))


def arrays_from_members(members: dict[str, np.ndarray], source: str) -> HandArrays:
    """MANO's members, dense, to a checked hand; `source` names them in errors.

    Raises:
        UserError: a member is missing, or the kinematic tree is another one.
    """
    missing = [name for name in _REQUIRED if name not in members]
    if missing:
        raise UserError(f"{source}: not a hand model, lacks {', '.join(missing)}")
    parents = np.atleast_2d(members["kintree_table"])[0].astype(np.int64)
    if tuple(parents[1:]) != MANO_PARENTS[1:]:
        raise UserError(f"{source}: its kinematic tree is not MANO's")
    faces = np.asarray(members["f"]).astype(np.int64)
    if faces.size and (faces.min() < 0 or faces.max() >= VERTEX_COUNT):
        raise UserError(f"{source}: faces name vertices beyond {VERTEX_COUNT}")
    return HandArrays(
        v_template=members["v_template"],
        shapedirs=np.asarray(members["shapedirs"])[..., :10],
        posedirs=members["posedirs"],
        J_regressor=members["J_regressor"],
        weights=members["weights"],
        f=faces,
        hands_mean=members.get("hands_mean", np.zeros(45)),
        hands_components=members.get("hands_components", np.eye(45)),
        fingertip_vertices=members.get("fingertip_vertices", np.array(MANO_FINGERTIPS)),
        nail_vertices=members.get("nail_vertices", np.zeros(0)),
    )
