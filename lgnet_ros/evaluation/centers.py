"""How well a network knows where in whole images hands are, before any crop is looked at."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from lgnet_ros.data.whole_images import box_in_image, can_be_found, rendered, unpacked
from lgnet_ros.pipeline.spots import SeesCenters, Spot, centers_in, palms_in

_EXTENTS_PX = (12, 24, 36, 60, 100, 400)  # in an image of 384×288
_NEAR, _ALIKE = 0.4, 2.0  # shares of the larger extent; how many times larger or smaller


def centers_report(network: SeesCenters, images: Collection[int], seed: int = 0) -> dict[str, Any]:
    """Of these images of the test split, by their numbers: which share of the hands that can be found its
    centers see, by size, and how many of nothing an image has; the same of its palms, if it has them, and of
    both, which is what a search of several frames looks at.
    """
    eyes = {"centers": centers_in} | ({"palms": palms_in} if network.has_palms else {})
    extents: list[float] = []
    found: dict[str, list[bool]] = {name: [] for name in eyes}
    false = dict.fromkeys(eyes, 0)
    for index in images:
        sample = unpacked(rendered(seed, "test", index))
        hands = [
            (*box_in_image(joints), can_be_found(joints, seen))
            for joints, seen in zip(sample.joints, sample.seen, strict=True)
            if seen
        ]
        extents += [extent for _, extent, counts in hands if counts]
        for name, see in eyes.items():
            spots = see(network, sample.image)
            found[name] += [any(_is_of(spot, *box) for spot in spots) for *box, counts in hands if counts]
            false[name] += sum(not any(_is_of(spot, *box) for *box, _ in hands) for spot in spots)
    sizes = np.array(extents)
    hits = {name: np.array(row, dtype=bool) for name, row in found.items()}
    if len(eyes) > 1:
        hits["both"] = np.any(list(hits.values()), axis=0)
        false["both"] = sum(false.values())
    return {
        "images": len(images),
        "hands": len(sizes),
        "seen_by": {
            name: {
                "found": _share(row),
                "false_per_image": false[name] / len(images),
                "by_extent": _by_extent(sizes, row),
            }
            for name, row in hits.items()
        },
    }


def _by_extent(sizes: np.ndarray, found: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for low, high in zip(_EXTENTS_PX[:-1], _EXTENTS_PX[1:], strict=True):
        within = (sizes >= low) & (sizes < high)
        rows.append(
            {"from_px": low, "to_px": high, "hands": int(within.sum()), "found": _share(found[within])}
        )
    return rows


def _share(found: np.ndarray) -> float | None:
    return float(found.mean()) if len(found) else None


def _is_of(spot: Spot, center: np.ndarray, extent: float) -> bool:
    near = np.linalg.norm(spot.center - center) < _NEAR * max(extent, spot.extent)
    return bool(near and 1 / _ALIKE < spot.extent / max(extent, 1.0) < _ALIKE)
