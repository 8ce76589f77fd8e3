from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import MANO_PARENTS, SIDES
from lgnet_ros.paths import weights_directory


def random_pose(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    pose, shape = rng.normal(0, 0.5, (count, 16, 3)), rng.normal(0, 1, (count, 10))
    return torch.tensor(pose, dtype=torch.float32), torch.tensor(shape, dtype=torch.float32)


def pose_by_loops(
    model: HandModel, side: str, pose: np.ndarray, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """SMPL's equations written out for one hand, one joint and one vertex at a time, in float64."""
    arrays = model.arrays(side)
    local = Rotation.from_rotvec(pose).as_matrix()
    shaped = arrays.v_template + np.einsum("vck,k->vc", arrays.shapedirs.astype(float), shape)
    rest = arrays.J_regressor.astype(float) @ shaped
    feature = np.concatenate([(local[joint] - np.eye(3)).ravel() for joint in range(1, 16)])
    corrected = shaped + arrays.posedirs.astype(float) @ feature
    transforms = []
    for joint in range(16):
        step = np.eye(4)
        step[:3, :3] = local[joint]
        parent = MANO_PARENTS[joint]
        step[:3, 3] = rest[joint] - (rest[parent] if parent >= 0 else 0)
        transforms.append(step if parent < 0 else transforms[parent] @ step)
    vertices = np.zeros_like(corrected)
    for joint, transform in enumerate(transforms):
        moved = (corrected - rest[joint]) @ transform[:3, :3].T + transform[:3, 3]
        vertices += arrays.weights[:, joint : joint + 1] * moved
    return vertices, np.array([transform[:3, 3] for transform in transforms])


@pytest.mark.parametrize("side", SIDES)
def test_posing_follows_the_equations_written_as_loops(open_hand: HandModel, side: str) -> None:
    pose, shape = random_pose(3)
    posed = open_hand(pose, shape, side)
    for i in range(len(pose)):
        vertices, chain = pose_by_loops(open_hand, side, pose[i].double().numpy(), shape[i].double().numpy())
        np.testing.assert_allclose(posed.vertices[i], vertices, atol=1e-6)
        np.testing.assert_allclose(posed.chain[i], chain, atol=1e-6)


def test_pose_zero_is_the_template(open_hand: HandModel) -> None:
    posed = open_hand(torch.zeros(16, 3), torch.zeros(10), "right")
    np.testing.assert_allclose(posed.vertices, open_hand.arrays("right").v_template, atol=1e-7)


def test_left_hand_of_mirrored_parameters_is_the_mirrored_right_hand(open_hand: HandModel) -> None:
    pose, shape = random_pose(8)
    right = open_hand(pose, shape, "right")
    left = open_hand(pose * torch.tensor([1.0, -1.0, -1.0]), shape, "left")
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    for name in ("vertices", "joints", "chain"):
        torch.testing.assert_close(getattr(left, name), getattr(right, name) * mirror, atol=1e-6, rtol=0)


def test_gradients_reach_every_joint_and_every_shape_coefficient(open_hand: HandModel) -> None:
    pose, shape = random_pose(2)
    pose.requires_grad_(), shape.requires_grad_()
    target = torch.randn(2, 778, 3, generator=torch.Generator().manual_seed(0))
    (open_hand(pose, shape, "left").vertices * target).sum().backward()
    assert (pose.grad.abs().amax(-1) > 0).all() and (shape.grad.abs() > 0).all()


def test_the_gradient_is_the_slope(open_hand: HandModel) -> None:
    model = HandModel.load().double()
    pose, shape = (tensor[0].double() for tensor in random_pose(1))
    direction = torch.randn(21, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def loss(pose: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        return (model(pose, shape, "right").joints * direction).sum()

    assert torch.autograd.gradcheck(loss, (pose.requires_grad_(), shape.requires_grad_()), atol=1e-6)


def test_axis_angle_and_matrices_pose_alike(open_hand: HandModel) -> None:
    pose, shape = random_pose(4)
    matrices = torch.tensor(Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix(), dtype=torch.float32)
    by_matrix = open_hand(matrices.view(4, 16, 3, 3), shape, "right")
    torch.testing.assert_close(
        open_hand(pose, shape, "right").vertices, by_matrix.vertices, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("form", ["axis-angle", "matrices"])
def test_both_hands_at_once_are_each_hand_alone(open_hand: HandModel, form: str) -> None:
    pose, shape = random_pose(12)
    pose, shape = pose.view(3, 2, 2, 16, 3), shape.view(3, 2, 2, 10)
    if form == "matrices":
        pose = torch.tensor(
            Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(3, 2, 2, 16, 3, 3)
        ).float()
    both = open_hand.both(pose, shape)
    assert both.vertices.shape == (3, 2, 2, 778, 3) and both.rotations.shape == (3, 2, 2, 16, 3, 3)
    for index, side in enumerate(SIDES):
        alone = open_hand(pose[:, :, index], shape[:, :, index], side)
        for name in alone._fields:
            torch.testing.assert_close(getattr(both, name)[:, :, index], getattr(alone, name))


def test_the_root_turns_the_hand_about_its_own_wrist(open_hand: HandModel) -> None:
    pose, shape = random_pose(1)
    turned = pose.clone()
    turned[:, 0] = torch.tensor([0.4, -1.1, 2.0])
    pose[:, 0] = 0
    rotation = torch.tensor(Rotation.from_rotvec([0.4, -1.1, 2.0]).as_matrix(), dtype=torch.float32)
    still, moved = (open_hand(p, shape, "right") for p in (pose, turned))
    wrist = still.chain[:, :1]
    torch.testing.assert_close(moved.chain[:, :1], wrist)
    torch.testing.assert_close(
        moved.vertices, (still.vertices - wrist) @ rotation.T + wrist, atol=1e-6, rtol=0
    )


def test_joints_are_the_regressor_times_the_vertices(open_hand: HandModel) -> None:
    posed = open_hand(*random_pose(2), "left")
    torch.testing.assert_close(posed.joints, open_hand.joint_regressor("left") @ posed.vertices)
    torch.testing.assert_close(
        posed.joints[:, [4, 8, 12, 16, 20]], posed.vertices[:, open_hand.fingertip_vertices]
    )


def test_the_model_adds_nothing_to_a_state_dict(open_hand: HandModel) -> None:
    assert open_hand.state_dict() == {}
    assert list(open_hand.parameters()) == []


@pytest.mark.parametrize("flat_hand_mean", [True, False])
def test_smplx_loads_the_open_hands_file_and_poses_it_alike(
    open_hand: HandModel, flat_hand_mean: bool, tmp_path: Path
) -> None:
    smplx = pytest.importorskip("smplx")
    file = tmp_path / "MANO_RIGHT.npz"  # smplx tells the side from the name
    file.write_bytes((weights_directory() / "open_hand.npz").read_bytes())
    layer = smplx.MANO(str(file), is_rhand=True, use_pca=False, flat_hand_mean=flat_hand_mean, ext="npz")
    pose, shape = random_pose(5)
    theirs = layer(betas=shape, global_orient=pose[:, 0], hand_pose=pose[:, 1:].reshape(5, 45))
    if not flat_hand_mean:
        pose[:, 1:] += open_hand.mean_pose[0].view(15, 3)
    ours = open_hand(pose, shape, "right")
    torch.testing.assert_close(ours.vertices, theirs.vertices.detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.chain, theirs.joints.detach(), atol=1e-5, rtol=0)


def test_a_model_made_from_smplx_layers_is_the_same_model(open_hand: HandModel, tmp_path: Path) -> None:
    smplx = pytest.importorskip("smplx")
    from lgnet_ros.hand_model.storage import save_arrays

    for side in SIDES:
        save_arrays(tmp_path / f"MANO_{side.upper()}.npz", open_hand.arrays(side))
    layers = [
        smplx.MANOLayer(str(tmp_path / f"MANO_{side.upper()}.npz"), is_rhand=side == "right", ext="npz")
        for side in SIDES
    ]
    model = HandModel.from_smplx(*layers)
    pose, shape = random_pose(4)
    pose, shape = pose.view(2, 2, 16, 3), shape.view(2, 2, 10)
    torch.testing.assert_close(
        model.both(pose, shape).vertices, open_hand.both(pose, shape).vertices, atol=1e-6, rtol=0
    )


def test_something_that_is_no_smplx_layer_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="right layer is not smplx's MANO"):
        HandModel.from_smplx(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
