"""InterHand2.6M v1.0 with its MANO annotations (NeuralAnnot), for training and evaluation.

Layout below the dataset's root, as its authors distribute it (the 5 fps and the 30 fps edition alike):

    images/{split}/Capture*/<sequence>/cam*/image*.jpg
    annotations/{split}/InterHand2.6M_{split}_data.json            COCO-style: images, annotations
    annotations/{split}/InterHand2.6M_{split}_camera.json          campos [mm], camrot, focal, princpt [px]
    annotations/{split}/InterHand2.6M_{split}_joint_3d.json        world_coord (42, 3) [mm], joint_valid
    annotations/{split}/InterHand2.6M_{split}_MANO_NeuralAnnot.json  pose (48), shape (10), trans (3) [m],
    world frame

The parameters are MANO's and need MANO's files (`lgnet hand import-mano`): poses are relative to its mean
pose.
Reference: Moon et al., "InterHand2.6M", ECCV 2020; Moon et al., "NeuralAnnot", CVPRW 2022.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.reading import UnreadableSample, read_image, read_json
from lgnet_ros.data.sample import HandSample
from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import INTERHAND_TO_OURS, SIDES

SPLITS = ("train", "val", "test")
_HANDS = {"right": (True, False), "left": (False, True), "interacting": (True, True)}
_MILLIMETRE = 1e-3


@dataclass(frozen=True)
class InterHandSettings:
    """Which part of InterHand2.6M to use; the defaults are the paper's: interacting hands, both annotated
    (H+M).
    """

    root: Path
    split: str
    interacting_only: bool = True
    minimum_brightness: float = 10.0
    """Mean grey value (0-255) below which an image is skipped; a few hundred of the dataset's are all but
    black.
    """

    def annotation_file(self, kind: str) -> Path:
        return self.root / "annotations" / self.split / f"InterHand2.6M_{self.split}_{kind}.json"


class _Entry(NamedTuple):
    file_name: str
    capture: str
    camera: str
    frame: str
    hands: tuple[bool, bool]


class _Fits(NamedTuple):
    """All MANO fits: parameters (N, 61), pose, shape and translation, and the row of a (capture, frame,
    side).

    Arrays, not the file's nested lists, so that a dataset can be handed to worker processes.
    """

    parameters: np.ndarray
    rows: dict[tuple[str, str, str], int]

    @classmethod
    def of(cls, content: dict[str, Any]) -> _Fits:
        rows: dict[tuple[str, str, str], int] = {}
        parameters = []
        for capture, frames in content.items():
            for frame, hands in frames.items():
                for side, fit in hands.items():
                    if fit:
                        rows[capture, frame, side] = len(parameters)
                        parameters.append(
                            np.concatenate([np.ravel(fit[key]) for key in ("pose", "shape", "trans")])
                        )
        return cls(np.array(parameters, dtype=np.float64).reshape(-1, 61), rows)


class InterHand26M:
    """A `HandDataset` over InterHand2.6M; `left_out` counts by reason what became no sample."""

    name = "interhand26m"

    def __init__(self, settings: InterHandSettings, hand_model: HandModel) -> None:
        """Reads the annotation files.

        Raises:
            UserError: an annotation file is missing or malformed, or no sample is left.
        """
        if settings.split not in SPLITS:
            raise UserError(f"interhand26m: split '{settings.split}' is none of {', '.join(SPLITS)}")
        self.settings, self.hand_model = settings, hand_model
        if not settings.annotation_file("joint_3d").is_file():
            raise UserError(f"{settings.annotation_file('joint_3d')}: annotation file is missing")
        self._cameras: dict[str, Any] = read_json(settings.annotation_file("camera"))
        self._fits = _Fits.of(read_json(settings.annotation_file("MANO_NeuralAnnot")))
        self.left_out: Counter[str] = Counter()
        self._entries = self._index(read_json(settings.annotation_file("data")))
        if not self._entries:
            raise UserError(f"{settings.annotation_file('data')}: no usable sample ({dict(self.left_out)})")

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, index: int) -> HandSample:
        """The sample at `index`, everything in the camera frame.

        Raises:
            UnreadableSample: its image is missing, corrupt or darker than `minimum_brightness`.
        """
        entry = self._entries[index]
        image = self._image(entry)
        height, width = image.shape[:2]
        rotation_camera_world, translation_camera_world, intrinsics = self._camera(entry, width, height)
        hands = [
            self._hand(entry, side, rotation_camera_world, translation_camera_world) if present else _NO_HAND
            for side, present in zip(SIDES, entry.hands, strict=True)
        ]
        vertices, joints, rotations, shape = (
            np.stack(values).astype(np.float32) for values in zip(*hands, strict=True)
        )
        presence = np.array(entry.hands)
        return HandSample(
            image=image,
            intrinsics=intrinsics,
            presence=presence,
            vertices=vertices,
            joints=joints,
            rotations=rotations,
            shape=shape,
            joints_valid=np.repeat(presence[:, None], 21, axis=1),
            mesh_valid=presence.copy(),
            visibility=np.repeat(presence[:, None], 21, axis=1),
            mask=None,
            depth=None,
            key=f"interhand26m/{self.settings.split}/{entry.file_name}",
        )

    def annotated_joints(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The triangulated joints of `joint_3d.json`: (2, 21, 3) m in the camera frame, in our order, and
        their validity.

        They are independent of MANO, so their distance to `load(index).joints` is the fitting error (some 5
        mm).
        """
        entry = self._entries[index]
        rotation_camera_world, translation_camera_world, _ = self._camera(entry, 1, 1)
        record = self._annotated_joints[entry.capture][entry.frame]
        world = np.asarray(record["world_coord"], dtype=np.float64).reshape(2, 21, 3) * _MILLIMETRE
        valid = np.asarray(record["joint_valid"]).reshape(2, 21).astype(bool)
        order = np.asarray(INTERHAND_TO_OURS)
        return world[:, order] @ rotation_camera_world.T + translation_camera_world, valid[:, order]

    @cached_property
    def _annotated_joints(self) -> dict[str, Any]:
        return read_json(self.settings.annotation_file("joint_3d"))

    def _index(self, data: dict[str, Any]) -> list[_Entry]:
        images = {image["id"]: image for image in data["images"]}
        entries = []
        for annotation in data["annotations"]:
            image = images.get(annotation["image_id"])
            reason = "annotation of an unknown image" if image is None else self._unfit(annotation, image)
            if reason:
                self.left_out[reason] += 1
                continue
            names = (str(image[key]) for key in ("file_name", "capture", "camera", "frame_idx"))
            entries.append(_Entry(*names, hands=_HANDS[annotation["hand_type"]]))
        return entries

    def _unfit(self, annotation: dict[str, Any], image: dict[str, Any]) -> str | None:
        """Why an annotation is no sample, or None."""
        hands = _HANDS.get(annotation["hand_type"])
        if hands is None:
            return f"hand type '{annotation['hand_type']}'"
        if self.settings.interacting_only and hands != (True, True):
            return "not interacting"
        if not np.all(annotation["hand_type_valid"]):
            return "hand type not valid"
        frame = str(image["capture"]), str(image["frame_idx"])
        if any(
            present and (*frame, side) not in self._fits.rows
            for side, present in zip(SIDES, hands, strict=True)
        ):
            return "a hand without a MANO fit"
        if str(image["camera"]) not in self._cameras.get(str(image["capture"]), {}).get("campos", {}):
            return "camera not calibrated"
        return None

    def _image(self, entry: _Entry) -> np.ndarray:
        path = self.settings.root / "images" / self.settings.split / entry.file_name
        image = read_image(path)
        if image.mean() < self.settings.minimum_brightness:
            raise UnreadableSample(
                f"{path}: too dark (mean {image.mean():.1f} < {self.settings.minimum_brightness:g})"
            )
        return image

    def _camera(
        self, entry: _Entry, width: int, height: int
    ) -> tuple[np.ndarray, np.ndarray, CameraIntrinsics]:
        """R and t of x_camera = R x_world + t [m], and the intrinsics; the file gives the camera's position:
        t = -R c.
        """
        camera = self._cameras[entry.capture]
        rotation = np.asarray(camera["camrot"][entry.camera], dtype=np.float64).reshape(3, 3)
        position = np.asarray(camera["campos"][entry.camera], dtype=np.float64).reshape(3) * _MILLIMETRE
        (fx, fy), (cx, cy) = camera["focal"][entry.camera], camera["princpt"][entry.camera]
        matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
        return rotation, -rotation @ position, CameraIntrinsics(width=width, height=height, matrix=matrix)

    def _hand(self, entry: _Entry, side: str, rotation: np.ndarray, translation: np.ndarray) -> _Hand:
        """One hand in the camera frame: the mesh is posed in the world frame and moved as a whole, its root
        rotation too.
        """
        fit = self._fits.parameters[self._fits.rows[entry.capture, entry.frame, side]]
        pose = fit[:48].reshape(16, 3).copy()
        pose[1:] += self.hand_model.mean_pose[SIDES.index(side)].double().numpy().reshape(15, 3)
        rotations = Rotation.from_rotvec(pose).as_matrix()
        shape = fit[48:58]
        with torch.no_grad():
            hand = self.hand_model(torch.from_numpy(rotations).float(), torch.from_numpy(shape).float(), side)
        offset = rotation @ fit[58:] + translation
        vertices = hand.vertices.double().numpy() @ rotation.T + offset
        joints = hand.joints.double().numpy() @ rotation.T + offset
        rotations[0] = rotation @ rotations[0]
        return vertices, joints, rotations, shape


_Hand = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
_NO_HAND: _Hand = (np.zeros((778, 3)), np.zeros((21, 3)), np.tile(np.eye(3), (16, 1, 1)), np.zeros(10))
