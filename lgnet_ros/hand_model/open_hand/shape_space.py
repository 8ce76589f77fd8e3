"""The shape space: hands of random measures on one mesh, and principal components of their differences."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator

from lgnet_ros.hand_model.mesh import neighbor_mean, undirected_edges
from lgnet_ros.hand_model.open_hand.anthropometry import Measures
from lgnet_ros.hand_model.open_hand.patch import wrist_ring
from lgnet_ros.hand_model.open_hand.surface import HandSurface
from lgnet_ros.hand_model.open_hand.template import Template
from lgnet_ros.hand_model.open_hand.tubes import build_tube
from lgnet_ros.hand_model.topology import SHAPE_COUNT

SAMPLES = 160
_SEED = 20170

# One standard deviation of each measure, as a factor; size from hand length over men and women together
# (Gordon et al. 1989: 6 %), the others of the same order as the residual spreads that anthropometric tables
# leave after hand length.
_SPREADS = {
    "size": 0.060,
    "palm_length": 0.025,
    "palm_breadth": 0.030,
    "palm_thickness": 0.060,
    "wrist_girth": 0.045,
    "thenar": 0.070,
    "hypothenar": 0.070,
    "tip_girth": 0.050,
    "knuckles": 0.030,
}
_SETTLING_ROUNDS = 4
_FINGER_LENGTH = (0.035, 0.022)  # common to all fingers, each finger's own
_FINGER_GIRTH = (0.060, 0.012)
_BREADTH_WITH_GIRTH = 0.6  # stout fingers come with broad palms
_FINGER_FLATNESS = 0.025  # thickness against breadth


def random_measures(rng: np.random.Generator) -> Measures:
    """One person's hand."""
    plain = {name: float(np.exp(spread * _bounded(rng))) for name, spread in _SPREADS.items()}
    length = np.exp(_FINGER_LENGTH[0] * _bounded(rng) + _FINGER_LENGTH[1] * _bounded(rng, 5))
    stoutness = _FINGER_GIRTH[0] * _bounded(rng)
    plain["palm_breadth"] *= float(np.exp(_BREADTH_WITH_GIRTH * stoutness))
    girth = np.exp(stoutness + _FINGER_GIRTH[1] * _bounded(rng, 5))
    flatness = np.exp(_FINGER_FLATNESS * _bounded(rng))
    return Measures(**plain, finger_length=length, finger_breadth=girth, finger_thickness=girth * flatness)


def _bounded(rng: np.random.Generator, *size: int) -> np.ndarray:
    return np.clip(rng.standard_normal(size), -2.2, 2.2)


def remeasured(template: Template, measures: Measures) -> tuple[np.ndarray, np.ndarray]:
    """The template's mesh on a hand of other measures.

    Returns:
        (778, 3) vertices and (16, 3) joint centers, mm.
    """
    surface = HandSurface(measures)
    vertices = np.empty_like(template.vertices)
    vertices[template.wrist] = wrist_ring(surface)
    for name, rows in template.tubes.items():
        vertices[rows] = build_tube(surface, name).vertices
    anchors = _anchors(template, template.vertices, template.surface)
    moved = _anchors(template, vertices, surface)
    warp = RBFInterpolator(anchors, moved, kernel="thin_plate_spline")
    vertices[template.free] = warp(template.vertices[template.free])
    edges = undirected_edges(template.faces)
    for _ in range(_SETTLING_ROUNDS):
        # Neighbors move alike: a projection alone would crowd the webs, where the surface folds.
        displacement = vertices - template.vertices
        calm = 0.5 * displacement + 0.5 * neighbor_mean(displacement, edges)
        vertices[template.free] = surface.project((template.vertices + calm)[template.free])
    return vertices, surface.skeleton.joints()


def _anchors(template: Template, vertices: np.ndarray, surface: HandSurface) -> np.ndarray:
    """Points that correspond between hands: the rings next to the palm, the wrist's ring, the joints."""
    rings = [vertices[rows][:20] for rows in template.tubes.values()]
    return np.concatenate([vertices[template.wrist], *rings, surface.skeleton.joints()])


def sample_hands(template: Template, count: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """(count, 778, 3) meshes and (count, 16, 3) joints of random hands, reproducible."""
    rng = np.random.default_rng(_SEED)
    hands = [remeasured(template, random_measures(rng)) for _ in range(count)]
    return np.array([hand[0] for hand in hands]), np.array([hand[1] for hand in hands])


def shape_components(template: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """Principal components of the hands' differences from the template, one standard deviation each.

    Args:
        template: (V, 3) mean hand, wrist at the origin.
        hands: (N, V, 3).

    Returns:
        (V, 3, 10), ordered by variance; the first ones' signs make a positive coefficient a larger hand.
    """
    differences = (hands - template).reshape(len(hands), -1)
    _, strengths, directions = np.linalg.svd(differences, full_matrices=False)
    components = directions[:SHAPE_COUNT] * (strengths[:SHAPE_COUNT, None] / np.sqrt(len(hands)))
    grows = np.sign(components @ template.reshape(-1))
    return (components * grows[:, None]).T.reshape(*template.shape, SHAPE_COUNT)
