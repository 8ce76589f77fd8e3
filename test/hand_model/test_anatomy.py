from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.hand_model import HandModel, PosedHand
from lgnet_ros.hand_model.anatomy import (
    ABDUCTION,
    FINGER_JOINT_NAMES,
    FLEXION,
    JOINT_LIMITS,
    TWIST,
    anatomical_axes,
    rotations_from_angles,
)
from lgnet_ros.hand_model.topology import JOINT_NAMES, SIDES


def bent(model: HandModel, joint: str, kind: int, degrees: float, side: str = "right") -> PosedHand:
    angles = torch.zeros(15, 3)
    angles[FINGER_JOINT_NAMES.index(joint), kind] = np.radians(degrees)
    local = rotations_from_angles(angles, anatomical_axes(model, side))
    return model(torch.cat([torch.eye(3)[None], local]), torch.zeros(10), side)


def tip_shift(model: HandModel, joint: str, kind: int, degrees: float) -> np.ndarray:
    tip = JOINT_NAMES.index(joint.split("_")[0] + "_tip")
    rest = model(torch.zeros(16, 3), torch.zeros(10), "right")
    return (bent(model, joint, kind, degrees).joints[tip] - rest.joints[tip]).numpy()


@pytest.mark.parametrize("joint", [name for name in FINGER_JOINT_NAMES if not name.startswith("thumb")])
def test_flexion_moves_fingers_to_the_palm(open_hand: HandModel, joint: str) -> None:
    assert tip_shift(open_hand, joint, FLEXION, 30)[1] < -0.003


@pytest.mark.parametrize("joint", ["thumb_cmc", "thumb_mcp", "thumb_ip"])
def test_flexion_moves_the_thumb_across_the_palm(open_hand: HandModel, joint: str) -> None:
    assert tip_shift(open_hand, joint, FLEXION, 30)[2] < -0.005


def test_abduction_spreads_the_fingers_and_lifts_the_thumb(open_hand: HandModel) -> None:
    for name, sense in (("index", 1), ("middle", 1), ("ring", -1), ("little", -1)):
        assert sense * tip_shift(open_hand, f"{name}_mcp", ABDUCTION, 10)[2] > 0.005
    assert tip_shift(open_hand, "thumb_cmc", ABDUCTION, 20)[1] < -0.01


def test_pronation_turns_the_thumbs_nail_to_the_palms_side(open_hand: HandModel) -> None:
    def nail_normal(hand: PosedHand) -> np.ndarray:
        back, pad = open_hand.nail_vertices[:7], open_hand.fingertip_vertices[0]
        return (hand.vertices[back].mean(0) - hand.joints[3]).numpy() + 0 * pad

    before, after = (nail_normal(bent(open_hand, "thumb_cmc", TWIST, degrees)) for degrees in (0, 20))
    assert after[1] < before[1]


def test_the_thumbs_nail_is_turned_sixty_to_ninety_degrees_from_the_others(open_hand: HandModel) -> None:
    axes = anatomical_axes(open_hand, "right")
    nails = np.cross(axes.flexion_axes, axes.twist_axes)
    thumb, middle = nails[FINGER_JOINT_NAMES.index("thumb_ip")], nails[FINGER_JOINT_NAMES.index("middle_dip")]
    assert 55 < np.degrees(np.arccos(thumb @ middle)) < 90


def test_axes_are_unit_vectors_across_and_along_the_bones(open_hand: HandModel) -> None:
    axes = anatomical_axes(open_hand, "right")
    for axis in (axes.flexion_axes, axes.abduction_axes, axes.twist_axes):
        np.testing.assert_allclose(np.linalg.norm(axis, axis=1), 1.0)
    for one, other in (
        ("flexion_axes", "abduction_axes"),
        ("flexion_axes", "twist_axes"),
        ("abduction_axes", "twist_axes"),
    ):
        np.testing.assert_allclose((getattr(axes, one) * getattr(axes, other)).sum(1), 0.0, atol=1e-9)


def test_equal_angles_make_mirrored_hands(open_hand: HandModel) -> None:
    angles = torch.tensor(np.random.default_rng(0).uniform(-0.5, 1, (15, 3)), dtype=torch.float32)
    hands = {}
    for side in SIDES:
        local = rotations_from_angles(angles, anatomical_axes(open_hand, side))
        hands[side] = open_hand(torch.cat([torch.eye(3)[None], local]), torch.zeros(10), side).vertices
    torch.testing.assert_close(hands["left"], hands["right"] * torch.tensor([-1.0, 1, 1]), atol=1e-6, rtol=0)


def test_angles_compose_flexion_then_abduction_then_twist(open_hand: HandModel) -> None:
    axes = anatomical_axes(open_hand, "right")
    angles = np.random.default_rng(1).uniform(-1, 1, (15, 3))
    ours = rotations_from_angles(torch.tensor(angles), axes).numpy()
    about = [
        Rotation.from_rotvec(angles[:, i : i + 1] * axis)
        for i, axis in enumerate((axes.flexion_axes, axes.abduction_axes, axes.twist_axes))
    ]
    np.testing.assert_allclose(ours, (about[0] * about[1] * about[2]).as_matrix(), atol=1e-9)


def test_ranges_contain_rest_and_hinges_only_flex() -> None:
    assert (JOINT_LIMITS[..., 0] <= 0).all() and (JOINT_LIMITS[..., 1] >= 0).all()
    hinges = [i for i, name in enumerate(FINGER_JOINT_NAMES) if name.endswith(("pip", "dip", "ip"))]
    assert (JOINT_LIMITS[hinges, 1:] == 0).all()


def test_thumb_and_index_tip_meet_within_their_ranges(open_hand: HandModel) -> None:
    """Opposition: the hand can pinch. Found by descent on the angles, kept inside the limits."""
    axes = anatomical_axes(open_hand, "right")
    low, high = (torch.tensor(JOINT_LIMITS[..., i], dtype=torch.float32) for i in (0, 1))
    angles = torch.zeros(15, 3, requires_grad=True)
    optimizer = torch.optim.Adam([angles], lr=0.05)
    for _ in range(150):
        local = rotations_from_angles(angles.clamp(low, high), axes)
        joints = open_hand(torch.cat([torch.eye(3)[None], local]), torch.zeros(10), "right").joints
        gap = (joints[4] - joints[8]).norm()
        optimizer.zero_grad()
        gap.backward()
        optimizer.step()
    assert gap < 0.004
