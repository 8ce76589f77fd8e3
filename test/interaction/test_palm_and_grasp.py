"""Palm axes and grasp classes on hands whose answer anybody can tell by looking."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import FINGERS, JOINT_NAMES
from lgnet_ros.interaction import FINGERTIPS, GRASP_CLASSES, fingertips, grasp, palm_pose

MIRROR = np.array([-1.0, 1.0, 1.0])


def hand(
    straightness: dict[str, float] | None = None, thumb_tip: tuple[float, float, float] = (0.09, 0.0, 0.0)
) -> np.ndarray:
    """A right hand held up to the camera, palm to it: fingers up (−y), thumb to the right (+x), curling
    towards −z.
    """
    joints = np.zeros((21, 3))
    for finger, name in enumerate(("index", "middle", "ring", "little")):
        knuckle = np.array([0.03 - 0.02 * finger, -0.09, 0.0])
        bend = {1.0: 0.0, 0.8: 0.6, 0.5: 1.3}[(straightness or {}).get(name, 1.0)]
        point, angle = knuckle, 0.0
        joints[JOINT_NAMES.index(f"{name}_mcp")] = knuckle
        for part, length in (("pip", 0.04), ("dip", 0.025), ("tip", 0.02)):
            angle += bend
            point = point + length * np.array([0, -np.cos(angle), -np.sin(angle)])
            joints[JOINT_NAMES.index(f"{name}_{part}")] = point
    for k, part in enumerate(("cmc", "mcp", "ip", "tip")):
        joints[JOINT_NAMES.index(f"thumb_{part}")] = np.array(thumb_tip) * (k + 1) / 4
    return joints


def test_palm_of_a_right_hand_held_up_to_the_camera_faces_it() -> None:
    palm = palm_pose(hand(), "right")
    np.testing.assert_allclose(palm.normal, [0, 0, -1], atol=1e-9)
    np.testing.assert_allclose(palm.rotation[:, 0], hand()[9] / np.linalg.norm(hand()[9]))


def test_the_mirrored_left_palm_faces_the_camera_as_well_and_its_y_axis_points_to_the_thumb() -> None:
    palm = palm_pose(hand() * MIRROR, "left")
    np.testing.assert_allclose(palm.normal, [0, 0, -1], atol=1e-9)
    thumb = (hand() * MIRROR)[4]
    assert palm.rotation[:, 1] @ thumb > 0
    assert palm_pose(hand(), "right").rotation[:, 1] @ hand()[4] < 0


def test_palm_axes_are_a_rotation_and_turn_with_the_hand() -> None:
    turn = Rotation.from_rotvec([0.5, -1.0, 0.3]).as_matrix()
    still, turned = palm_pose(hand(), "right"), palm_pose(hand() @ turn.T + [0.1, 0, 0.5], "right")
    np.testing.assert_allclose(turned.rotation, turn @ still.rotation, atol=1e-12)
    np.testing.assert_allclose(turned.position, turn @ still.position + [0.1, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(turned.rotation @ turned.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turned.rotation) == pytest.approx(1)


def test_a_hand_without_extent_has_a_finite_palm() -> None:
    assert np.isfinite(palm_pose(np.zeros((21, 3)), "left").rotation).all()


def test_on_the_hand_model_the_palm_normal_points_away_from_the_back_of_the_hand() -> None:
    model = HandModel.load()
    for side in ("right", "left"):
        posed = model(torch.zeros(16, 3), torch.zeros(10), side)
        assert palm_pose(posed.joints.numpy(), side).normal[1] < -0.8  # the model's back of the hand is +y


@pytest.mark.parametrize(
    ("kind", "straightness", "thumb"),
    [
        ("open", {}, (0.09, 0.0, 0.0)),
        ("point", {"middle": 0.5, "ring": 0.5, "little": 0.5}, (0.05, -0.03, -0.02)),
        ("fist", dict.fromkeys(("index", "middle", "ring", "little"), 0.5), (0.0, -0.06, -0.05)),
        ("power", dict.fromkeys(("index", "middle", "ring", "little"), 0.8), (0.07, -0.02, -0.05)),
    ],
)
def test_grasp_classes(kind: str, straightness: dict[str, float], thumb: tuple[float, float, float]) -> None:
    result = grasp(hand(straightness, thumb))
    assert result.kind == kind
    assert GRASP_CLASSES[result.code] == kind


def test_thumb_on_index_fingertip_is_a_pinch_with_the_distance_as_aperture() -> None:
    joints = hand({"index": 0.8, "middle": 0.8})
    joints[4] = joints[8] + [0.012, 0, 0]
    result = grasp(joints)
    assert (result.kind, result.aperture_m) == ("pinch", pytest.approx(0.012))


def test_a_grasp_is_the_same_for_a_large_turned_hand() -> None:
    turn = Rotation.random(random_state=1).as_matrix()
    joints = hand({"index": 0.8, "middle": 0.5})
    small, large = grasp(joints), grasp(1.3 * joints @ turn.T + 0.5)
    assert small.kind == large.kind
    assert large.aperture_m == pytest.approx(1.3 * small.aperture_m)
    np.testing.assert_allclose(small.straightness, large.straightness)


def test_fingertips_are_thumb_to_little() -> None:
    assert [JOINT_NAMES[i] for i in FINGERTIPS] == [f"{finger}_tip" for finger in FINGERS]
    np.testing.assert_array_equal(fingertips(hand()), hand()[[4, 8, 12, 16, 20]])
