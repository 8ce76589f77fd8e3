"""The tool waits in front of the palm and looks at it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.interaction.approach import approach_pose
from lgnet_ros.interaction.palm import PalmPose


@pytest.mark.parametrize("seed", range(5))
def test_tool_looks_at_the_palm_from_the_standoff(seed):
    rng = np.random.default_rng(seed)
    palm = PalmPose(rng.normal(size=3), Rotation.random(random_state=seed).as_matrix())
    tool = approach_pose(palm, 0.15, np.eye(3))
    np.testing.assert_allclose(tool.position + 0.15 * tool.rotation[:, 2], palm.position, atol=1e-12)
    np.testing.assert_allclose(tool.rotation[:, 0], palm.rotation[:, 0], atol=1e-12)
    assert np.linalg.det(tool.rotation) == pytest.approx(1)


def test_mounting_turns_the_tool_about_its_own_axes():
    palm = PalmPose(np.zeros(3), np.eye(3))
    quarter = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    tool = approach_pose(palm, 0.1, quarter)
    np.testing.assert_allclose(tool.rotation[:, 2], [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(tool.rotation[:, 0], [0, -1, 0], atol=1e-12)  # the approach frame's y
