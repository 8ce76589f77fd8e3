"""Makes docs/images/scene.jpg: the built-in scene, and the hands that are really in it drawn over it.

tools/environment.sh python tools/scene_picture.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.data.synthetic import Clip, SyntheticSettings
from lgnet_ros.hand_model import HandModel
from lgnet_ros.node.truth import exact_hand
from lgnet_ros.pipeline.overlay import draw_overlay
from lgnet_ros.pipeline.records import Frame

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "scene.jpg"
SEED, CLIP, MOMENTS_S = 4, "clasp", (0.6, 2.2)


def main() -> None:
    """Two moments of a clip below each other, each as it is and with its truth."""
    clip, model = Clip(SEED, CLIP, SyntheticSettings(split="test")), HandModel.load()
    rows = []
    for moment in MOMENTS_S:
        sample = clip.frame(moment)
        hands = tuple(exact_hand(sample, side) for side in range(2) if sample.presence[side])
        drawn = draw_overlay(sample.image, Frame(moment, hands), sample.intrinsics, model.faces)
        rows.append(np.hstack([sample.image, drawn]))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture = cv2.resize(np.vstack(rows), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(PICTURE), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
