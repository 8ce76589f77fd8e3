"""Image sequences without 3D truth, for looking at predictions: RGB2Hands, EgoHands, or any folder of images.

- RGB2Hands (Wang et al., SIGGRAPH Asia 2020): `data/<sequence>/color/*`.
- EgoHands (Bambach et al., ICCV 2015): `_LABELLED_SAMPLES/<video>/frame_*.jpg`.

Neither states its camera's intrinsics with the images, so a horizontal field of view stands in for them.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lgnet_ros.data.reading import read_image
from lgnet_ros.data.sample import HandSample
from lgnet_ros.errors import UserError
from lgnet_ros.files import natural_order
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.media import IMAGE_SUFFIXES

PATTERNS = {
    "rgb2hands": "data/*/color/*",
    "egohands": "_LABELLED_SAMPLES/*/frame_*",
    "images": "*",
}


class ImageSequences:
    """A `HandDataset` of images alone, in natural order (frame 2 before frame 10); no hand is marked as
    present.
    """

    def __init__(self, layout: str, root: Path, horizontal_fov_rad: float = math.radians(60.0)) -> None:
        """Lists the images.

        Raises:
            UserError: the layout is not known, or no image lies where it says.
        """
        if layout not in PATTERNS:
            raise UserError(f"image sequences: layout '{layout}' is none of {', '.join(PATTERNS)}")
        self.name, self.root, self.horizontal_fov_rad = layout, root, horizontal_fov_rad
        found = (path for path in root.glob(PATTERNS[layout]) if path.suffix.lower() in IMAGE_SUFFIXES)
        self.paths = sorted(found, key=natural_order)
        if not self.paths:
            raise UserError(f"{root}: no images at {PATTERNS[layout]} ({layout})")

    def __len__(self) -> int:
        return len(self.paths)

    def load(self, index: int) -> HandSample:
        """The image at `index` with intrinsics from the assumed field of view and no truth.

        Raises:
            UnreadableSample: the image is corrupt.
        """
        path = self.paths[index]
        image = read_image(path)
        height, width = image.shape[:2]
        return HandSample(
            image=image,
            intrinsics=CameraIntrinsics.from_field_of_view(width, height, self.horizontal_fov_rad),
            presence=np.zeros(2, bool),
            vertices=np.zeros((2, 778, 3), np.float32),
            joints=np.zeros((2, 21, 3), np.float32),
            rotations=np.tile(np.eye(3, dtype=np.float32), (2, 16, 1, 1)),
            shape=np.zeros((2, 10), np.float32),
            joints_valid=np.zeros((2, 21), bool),
            mesh_valid=np.zeros(2, bool),
            visibility=np.zeros((2, 21), bool),
            mask=None,
            depth=None,
            key=f"{self.name}/{path.relative_to(self.root)}",
        )
