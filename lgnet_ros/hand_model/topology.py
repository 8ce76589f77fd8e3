"""Names and orders of hand joints: what does not depend on a mesh.

Two orders live side by side. *Ours* has 21 joints: the wrist, then thumb, index, middle, ring and little
finger, each from base to tip. *MANO's* has 16 rotations: wrist, index, middle, little, ring, thumb (Romero et
al., "Embodied Hands", 2017). Whatever depends on the mesh (faces, fingertip vertices, the joint regressor)
belongs to a `HandModel`, not here.
"""

from __future__ import annotations

RIGHT, LEFT = 0, 1
SIDES = ("right", "left")

VERTEX_COUNT = 778
FACE_COUNT = 1538
BOUNDARY_COUNT = 16
ROTATION_COUNT = 16
JOINT_COUNT = 21
SHAPE_COUNT = 10

FINGERS = ("thumb", "index", "middle", "ring", "little")

JOINT_NAMES = (
    "wrist",
    "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip",
    "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "little_mcp", "little_pip", "little_dip", "little_tip",
)  # fmt: skip

# Between them a hand has its direction in an image.
WRIST_AND_KNUCKLE = [JOINT_NAMES.index("wrist"), JOINT_NAMES.index("middle_mcp")]

# The parent of each of our 21 joints; the wrist has none.
JOINT_PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19)

# Lines of the skeleton, (parent, child) in our order.
BONES = tuple((parent, child) for child, parent in enumerate(JOINT_PARENTS) if parent >= 0)

MANO_NAMES = (
    "wrist",
    "index_mcp", "index_pip", "index_dip",
    "middle_mcp", "middle_pip", "middle_dip",
    "little_mcp", "little_pip", "little_dip",
    "ring_mcp", "ring_pip", "ring_dip",
    "thumb_cmc", "thumb_mcp", "thumb_ip",
)  # fmt: skip
MANO_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)

# MANO's 16 joints followed by the five tips (thumb, index, middle, ring, little), taken in our order:
# ours = mano_and_tips[MANO_TO_OURS].
MANO_TO_OURS = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)

# Which of MANO's 16 rotations each of our 21 joints carries; a fingertip takes its last joint's.
OURS_ROTATION = (0, 13, 14, 15, 15, 1, 2, 3, 3, 4, 5, 6, 6, 10, 11, 12, 12, 7, 8, 9, 9)

# InterHand2.6M lists each finger from tip to base and the wrist last: ours = interhand[INTERHAND_TO_OURS].
INTERHAND_TO_OURS = (20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16)
