"""`weights/manifest.yaml`: which weights ship, and which are taken when none are named."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from lgnet_ros.errors import UserError
from lgnet_ros.files import write_whole
from lgnet_ros.network import VARIANTS
from lgnet_ros.paths import weights_directory

MANIFEST_FILE = "manifest.yaml"


@dataclass(frozen=True)
class Choice:
    """Weights to use. path None: there are none for this variant, so the network starts from its
    initialization.
    """

    name: str
    variant: str
    path: Path | None


@dataclass(frozen=True)
class _Entry:
    file: str
    variant: str
    sha256: str


def choose(weights: str | Path | None, directory: Path | None = None) -> Choice:
    """What `weights` names: a file, an entry of the manifest, a variant, or (None) the manifest's default.

    A listed file is checked against its SHA-256. A variant takes the first entry of that variant.

    Raises:
        UserError: nothing of that name, a listed file is missing or altered, or the manifest is malformed.
    """
    directory = directory or weights_directory()
    if weights is not None and Path(weights).suffix:
        return Choice(Path(weights).stem, "", Path(weights))
    default, entries = _read(directory / MANIFEST_FILE)
    name = str(weights or default)
    if name in VARIANTS and name not in entries:
        name = next((key for key, entry in entries.items() if entry.variant == name), name)
    if name in entries:
        return Choice(name, entries[name].variant, _checked(directory, name, entries[name]))
    if name in VARIANTS:
        return Choice("untrained", name, None)
    raise UserError(
        f"no weights '{name}'; there are {', '.join({**entries, **dict.fromkeys(VARIANTS)})}, "
        "or give a .safetensors file"
    )


def add_entry(directory: Path, name: str, file: str, variant: str) -> None:
    """List a file of the weights' folder in its manifest, under a new name or in place of what had it.

    Raises:
        UserError: there is no manifest, or it cannot be written.
    """
    path = directory / MANIFEST_FILE
    default, entries = _read(path)
    entries[name] = _Entry(file, variant, file_sha256(directory / file))
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    content = {"default": default, "weights": {key: asdict(entry) for key, entry in entries.items()}}
    text = "\n".join([*comments, yaml.safe_dump(content, sort_keys=False)])
    write_whole(path, text.encode())


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read(path: Path) -> tuple[str, dict[str, _Entry]]:
    try:
        content = yaml.safe_load(path.read_text())
        entries = {str(name): _Entry(**entry) for name, entry in (content["weights"] or {}).items()}
        return str(content["default"]), entries
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a manifest of weights ({error})") from error


def _checked(directory: Path, name: str, entry: _Entry) -> Path:
    path = directory / entry.file
    if not path.is_file():
        raise UserError(f"{path}: the weights '{name}' are listed in {MANIFEST_FILE} but the file is missing")
    if file_sha256(path) != entry.sha256:
        raise UserError(
            f"{path}: not the file that {MANIFEST_FILE} lists (its SHA-256 differs); get it again"
        )
    return path
