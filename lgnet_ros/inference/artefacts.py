"""Networks converted for another runtime, on disk: a folder with the files and what one must know of them.

`artefact.json` names the network, its configuration, a fingerprint over everything that it was made from, the
versions of the software that made it, and the SHA-256 of each file. A folder appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lgnet_ros.errors import UserError
from lgnet_ros.inference.manifest import file_sha256
from lgnet_ros.inference.weights import WeightsInfo
from lgnet_ros.network import LGNet

DESCRIPTION_FILE = "artefact.json"
_FORMAT = 3


@dataclass(frozen=True)
class Artefact:
    """What a folder says of itself.

    backend: openvino or onnx. name: as `Engine.name`. trained: whether the weights come from training.
    config: as `LGNetConfig.as_dict`. hand_model_sha256: what the network poses. fingerprint, code: see
    `fingerprint` and `code_fingerprint`. versions: software → version, that of conversion. files: name →
    SHA-256. weights: what the weights file says of itself; None: an initialization. precision: fp32 (from
    which fp32 and bf16 run) or int8. mpvpe_loss_mm: by how much the mean vertex error grew against fp32 when
    it was made, mm; None: never measured.
    """

    backend: str
    name: str
    config: dict[str, Any]
    hand_model_sha256: str
    fingerprint: str
    code: str
    versions: dict[str, str]
    files: dict[str, str]
    weights: dict[str, Any] | None
    precision: str = "fp32"
    mpvpe_loss_mm: float | None = None

    @property
    def info(self) -> WeightsInfo | None:
        """The weights' own description; None for an initialization."""
        return None if self.weights is None else WeightsInfo(**self.weights)


def fingerprint(network: LGNet) -> str:
    """SHA-256 over configuration, hand model, tensors, and `code_fingerprint`."""
    digest = hashlib.sha256(json.dumps(network.config.as_dict(), sort_keys=True).encode())
    digest.update(network.hand_model.sha256.encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    digest.update(code_fingerprint().encode())
    return digest.hexdigest()


def code_fingerprint() -> str:
    """SHA-256 over the code that makes the graph, and poses the hands between its parts."""
    digest, package = hashlib.sha256(), Path(__file__).resolve().parents[1]
    makers = ("tracing", "lean", "merging", "folding", "quantization", "posing")
    sources = [*package.glob("network/*.py"), *(package / f"inference/{name}.py" for name in makers)]
    sources += [package / "hand_model/skinning.py", package / "geometry/rotations.py"]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def require_replaceable(folder: Path) -> None:
    """Before an artefact goes to a place that a user names.

    Raises:
        UserError: something else is there.
    """
    if os.path.exists(folder) and not os.path.isfile(folder / DESCRIPTION_FILE):
        raise UserError(f"{folder}: holds something else than an artefact of lgnet export; name another")


def write_artefact(
    folder: Path,
    backend: str,
    network: LGNet,
    name: str,
    info: WeightsInfo | None,
    versions: dict[str, str],
    write: Callable[[Path], None],
    precision: str = "fp32",
    mpvpe_loss_mm: float | None = None,
) -> Artefact:
    """Make the folder, in the place of whatever was there.

    Args:
        folder: where to.
        backend, name, info, versions, precision, mpvpe_loss_mm: what the artefact says of itself.
        network: what is converted.
        write: puts the files into the folder that it is given.

    Raises:
        UserError: the folder cannot be written.
    """
    config, model = network.config.as_dict(), network.hand_model.sha256
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        write(part)
        files = {path.name: file_sha256(path) for path in sorted(part.iterdir())}
        weights = None if info is None else asdict(info)
        own = fingerprint(network)
        code = code_fingerprint()
        artefact = Artefact(
            backend, name, config, model, own, code, versions, files, weights, precision, mpvpe_loss_mm
        )
        record = {"format": _FORMAT, **asdict(artefact)}
        (part / DESCRIPTION_FILE).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
        part.chmod(0o755)
        _put_in_place(part, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return artefact


def read_artefact(folder: Path, backend: str) -> Artefact:
    """The description of a folder whose files are all there and unaltered.

    Raises:
        UserError: it is none of ours, of another backend or format, or damaged.
    """
    try:
        record = json.loads((folder / DESCRIPTION_FILE).read_text())
        version = record.pop("format")
        if version == _FORMAT:
            artefact = Artefact(**record)
            files, _ = sorted(artefact.files.items()), artefact.info
    except OSError:
        raise UserError(f"{folder}: no artefact of lgnet export ({DESCRIPTION_FILE} is missing)") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"{folder}: no artefact of lgnet export ({DESCRIPTION_FILE} is not ours)") from None
    if version != _FORMAT:
        raise UserError(
            f"{folder}: of format {version}, this version of lgnet_ros reads {_FORMAT}; export anew"
        )
    if artefact.backend != backend:
        raise UserError(f"{folder}: made for {artefact.backend}, not for {backend}")
    for name, sha256 in files:
        if not _is_whole(folder / name, sha256):
            raise UserError(f"{folder}: damaged ({name} is missing or its checksum is wrong); export anew")
    return artefact


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return file_sha256(path) == sha256
    except OSError:
        return False


def check_versions(folder: Path, artefact: Artefact, versions: dict[str, str]) -> None:
    """Refuse what other software has made: numbers and speed are only known for what converts today.

    Raises:
        UserError: naming what differs.
    """
    for software, version in versions.items():
        made_by = artefact.versions.get(software)
        if made_by != version:
            raise UserError(
                f"{folder}: stale: made with {software} {made_by}, installed is {version}; export anew"
            )


def _put_in_place(part: Path, folder: Path) -> None:
    """Rename; an older artefact steps aside first. Of two that do this at once, one wins."""
    with contextlib.suppress(FileNotFoundError):
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-old-"))
        try:
            os.rename(folder, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    try:
        os.rename(part, folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
