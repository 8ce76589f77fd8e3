"""What the network looks at (the paper's Fig. 4): attention of the global unit, over the crop."""

from __future__ import annotations

import numpy as np
import torch

from lgnet_ros.evaluation import plots
from lgnet_ros.evaluation.protocols import Pictured
from lgnet_ros.network import LGNet, normalize


def attention_picture(network: LGNet, kept: list[Pictured]) -> np.ndarray | None:
    """One row a crop: the crop, then for each LGFA of the network where its second pass looks in either
    input.

    None for a network without LGFA (ablations).
    """
    images = torch.from_numpy(np.stack([one.sample.image for one in kept]))
    focal_px = torch.tensor([one.sample.focal_px for one in kept], dtype=torch.float32)
    maps = network.attention_maps(normalize(images), focal_px)
    if not maps:
        return None
    rows = []
    for index, one in enumerate(kept):
        looks = [
            plots.draw_attention(one.sample.image, second[index].float().numpy())
            for _, second in maps.values()
        ]
        rows.append(np.concatenate([one.sample.image, *looks], axis=1))
    return np.concatenate(rows)
