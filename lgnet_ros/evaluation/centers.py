"""How well a network knows where in whole images hands are, before any crop is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from lgnet_ros.data.whole_images import box_in_image, can_be_found, rendered, unpacked
from lgnet_ros.pipeline.center_search import SeesCenters, Spot, spots_of

_EXTENTS_PX = (12, 24, 36, 60, 100, 400)  # in an image of 384×288
_NEAR, _ALIKE = 0.4, 2.0  # shares of the larger extent; how many times larger or smaller


def centers_report(network: SeesCenters, count: int, seed: int = 0) -> dict[str, Any]:
    """Of `count` images of the test split: which share of the hands that can be found has a center, by their
    size, and how many centers of nothing an image has.
    """
    extents, found, false = [], [], 0
    for index in range(count):
        sample = unpacked(rendered(seed, "test", index))
        spots = spots_of(network.centers(sample.image))
        of_hands: set[int] = set()
        for joints, seen in zip(sample.joints, sample.seen, strict=True):
            if not seen:
                continue
            center, extent = box_in_image(joints)
            own = [k for k, spot in enumerate(spots) if _is_of(spot, center, extent)]
            of_hands.update(own)
            if can_be_found(joints, seen):
                extents.append(extent)
                found.append(bool(own))
        false += len(spots) - len(of_hands)
    sizes, hits = np.array(extents), np.array(found, dtype=bool)
    by_extent = []
    for low, high in zip(_EXTENTS_PX[:-1], _EXTENTS_PX[1:], strict=True):
        within = (sizes >= low) & (sizes < high)
        share = float(hits[within].mean()) if within.any() else None
        by_extent.append({"from_px": low, "to_px": high, "hands": int(within.sum()), "found": share})
    share = float(hits.mean()) if len(hits) else None
    return {
        "images": count,
        "hands": len(hits),
        "found": share,
        "false_per_image": false / count,
        "by_extent": by_extent,
    }


def _is_of(spot: Spot, center: np.ndarray, extent: float) -> bool:
    near = np.linalg.norm(spot.center - center) < _NEAR * max(extent, spot.extent)
    return bool(near and 1 / _ALIKE < spot.extent / max(extent, 1.0) < _ALIKE)
