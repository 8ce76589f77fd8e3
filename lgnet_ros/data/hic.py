"""HIC ("Hands in Action") with MANO meshes: two hands and objects under natural light, for evaluation only.

Layout below the dataset's root: `HIC.json` (COCO-style; an annotation names an image, a hand type and a PLY
mesh per hand, or null), the images and the meshes at the paths that it names. Meshes are in metres in the
camera's optical frame. All sequences come from one sensor: 640 x 480, f = 525 px, principal point (319.5,
239.5).
Reference: Tzionas et al., "Capturing hands in action using discriminative salient points and physics
simulation", IJCV 2016; the JSON file is the one published with InterWild (Moon, CVPR 2023).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.data.reading import UnreadableSample, read_image, read_json, read_ply_vertices
from lgnet_ros.data.sample import HandSample
from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES

_FOCAL_PX = 525.0
_PRINCIPAL_POINT_PX = (319.5, 239.5)
_VERTICES = 778


class HIC:
    """A `HandDataset` over HIC; `left_out` counts, by reason, the annotations that are no samples.

    HIC publishes meshes, not parameters: rotations are the identity and shapes zero, so it cannot be trained
    on. Joints are the hand model's regressor applied to the meshes (it must be MANO's).
    """

    name = "hic"

    def __init__(self, root: Path, hand_model: HandModel) -> None:
        """Reads `HIC.json`.

        Raises:
            UserError: it is missing or malformed, or names no hand at all.
        """
        self.root, self.hand_model = root, hand_model
        self.left_out: Counter[str] = Counter()
        annotation_file = root / "HIC.json"
        self._entries = self._index(read_json(annotation_file))
        if not self._entries:
            raise UserError(f"{annotation_file}: no annotation with a hand's mesh ({dict(self.left_out)})")

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, index: int) -> HandSample:
        """The sample at `index`.

        Raises:
            UnreadableSample: its image or one of its meshes is missing, corrupt or not MANO's.
        """
        file_name, mesh_names = self._entries[index]
        image = read_image(self.root / file_name)
        height, width = image.shape[:2]
        matrix = np.array(
            [[_FOCAL_PX, 0, _PRINCIPAL_POINT_PX[0]], [0, _FOCAL_PX, _PRINCIPAL_POINT_PX[1]], [0, 0, 1.0]]
        )
        presence = np.array([name is not None for name in mesh_names])
        vertices = np.stack([self._mesh(name) for name in mesh_names])
        regressors = np.stack([np.asarray(self.hand_model.joint_regressor(side)) for side in SIDES])
        return HandSample(
            image=image,
            intrinsics=CameraIntrinsics(width=width, height=height, matrix=matrix),
            presence=presence,
            vertices=vertices,
            joints=(regressors @ vertices).astype(np.float32),
            rotations=np.tile(np.eye(3, dtype=np.float32), (2, 16, 1, 1)),
            shape=np.zeros((2, 10), np.float32),
            joints_valid=np.repeat(presence[:, None], 21, axis=1),
            mesh_valid=presence.copy(),
            visibility=np.repeat(presence[:, None], 21, axis=1),
            mask=None,
            depth=None,
            key=f"hic/{file_name}",
        )

    def _index(self, data: dict[str, Any]) -> list[tuple[str, tuple[str | None, ...]]]:
        images = {image["id"]: image for image in data["images"]}
        entries = []
        for annotation in data["annotations"]:
            image = images.get(annotation["image_id"])
            meshes = tuple(annotation.get(f"{side}_mano_path") for side in SIDES)
            if image is None:
                self.left_out["annotation of an unknown image"] += 1
            elif not any(meshes):
                self.left_out["no hand's mesh"] += 1
            else:
                entries.append((image["file_name"], meshes))
        return entries

    def _mesh(self, name: str | None) -> np.ndarray:
        if name is None:
            return np.zeros((_VERTICES, 3), np.float32)
        path = self.root / name
        vertices = read_ply_vertices(path)
        if len(vertices) != _VERTICES:
            raise UnreadableSample(f"{path}: {len(vertices)} vertices, not MANO's {_VERTICES}")
        return vertices
