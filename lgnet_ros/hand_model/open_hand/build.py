"""Puts the open hand together."""

from __future__ import annotations

import numpy as np

from lgnet_ros.hand_model.arrays import HandArrays
from lgnet_ros.hand_model.open_hand.regressor import joint_regressor
from lgnet_ros.hand_model.open_hand.shape_space import sample_hands, shape_components
from lgnet_ros.hand_model.open_hand.template import build_template
from lgnet_ros.hand_model.open_hand.weights import skinning_weights

# From (distal, dorsal, radial) in mm to MANO's axes in m: fingers along −x, back +y, thumb's side +z.
_TO_TEMPLATE = np.array([-1.0, 1.0, 1.0]) * 1e-3
_REGRESSION_HANDS = 24


def build_open_hand() -> HandArrays:
    """Generate the right open hand; the same arrays each time, bit for bit with the same library versions."""
    template = build_template()
    hands, joints = sample_hands(template)
    mean = template.vertices
    mean_joints = template.surface.skeleton.joints()
    regressor = joint_regressor(
        np.concatenate([mean_joints[None], joints[:_REGRESSION_HANDS]]),
        np.concatenate([mean[None], hands[:_REGRESSION_HANDS]]),
    )
    weights = skinning_weights(template)
    return HandArrays(
        v_template=mean * _TO_TEMPLATE,
        shapedirs=shape_components(mean, hands) * _TO_TEMPLATE[:, None],
        posedirs=np.zeros((len(mean), 3, 135)),
        J_regressor=regressor,
        weights=weights,
        f=template.faces[:, [0, 2, 1]],  # the change of axes is a reflection
        hands_mean=np.zeros(45),
        hands_components=np.eye(45),
        fingertip_vertices=np.array([rows.stop - 1 for rows in template.tubes.values()]),
    )
