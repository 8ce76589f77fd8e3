from __future__ import annotations

from lgnet_ros.hand_model import topology

MANO_TIPS = ("thumb_tip", "index_tip", "middle_tip", "ring_tip", "little_tip")


def test_mano_joints_and_tips_in_our_order_carry_our_names() -> None:
    with_tips = (*topology.MANO_NAMES, *MANO_TIPS)
    assert tuple(with_tips[i] for i in topology.MANO_TO_OURS) == topology.JOINT_NAMES


def test_interhand_joints_in_our_order_carry_our_names() -> None:
    fingers = (
        ("thumb", "cmc mcp ip tip"),
        *((f, "mcp pip dip tip") for f in ("index", "middle", "ring", "little")),
    )
    interhand = [f"{finger}_{joint}" for finger, joints in fingers for joint in reversed(joints.split())] + [
        "wrist"
    ]
    assert tuple(interhand[i] for i in topology.INTERHAND_TO_OURS) == topology.JOINT_NAMES


def test_each_joint_carries_its_own_rotation_and_a_tip_its_last_joints() -> None:
    for name, parent, rotation in zip(
        topology.JOINT_NAMES, topology.JOINT_PARENTS, topology.OURS_ROTATION, strict=True
    ):
        owner = topology.JOINT_NAMES[parent] if name.endswith("_tip") else name
        assert topology.MANO_NAMES[rotation] == owner


def test_parents_of_both_orders_agree() -> None:
    for child, parent in enumerate(topology.MANO_PARENTS[1:], start=1):
        ours = topology.JOINT_NAMES.index(topology.MANO_NAMES[child])
        assert topology.JOINT_NAMES[topology.JOINT_PARENTS[ours]] == topology.MANO_NAMES[parent]


def test_twenty_bones_reach_every_joint_but_the_wrist() -> None:
    assert len(topology.BONES) == 20
    assert sorted(child for _, child in topology.BONES) == list(range(1, 21))
