"""Rendered images kept on the device that trains, and the crops that it cuts from them itself.

Processor cores cannot cut crops as fast as a GPU learns from them, let alone render them. So they only
render, and each image is cut many times where it is learned from.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lgnet_ros.data.augment import MIN_JOINTS_INSIDE, color_changes
from lgnet_ros.errors import UserError
from lgnet_ros.geometry.crops import BORDER_RGB
from lgnet_ros.network.projection import project_to_crop
from lgnet_ros.training.augmentation import Views, random_views
from lgnet_ros.training.parts import cell_parts
from lgnet_ros.training.recipe import DataRecipe

Tensors = dict[str, Tensor]
_MIRROR = (-1.0, 1.0, 1.0)
_CLOSEST_M = 1e-3


class Album:
    """The last `recipe.album` rendered images; each step's batch begins with its own and goes on with any.

    What it holds is no part of a checkpoint: a run that is resumed begins with an empty one.

    Args:
        size_px: S of the crops.
        parts: `vertex_parts`, where batches are to tell the parts of their cells too.
    """

    def __init__(self, recipe: DataRecipe, seed: int, size_px: int, parts: np.ndarray | None) -> None:
        self._recipe, self._seed, self._size_px = recipe, seed, size_px
        self._parts = None if parts is None else torch.from_numpy(parts)
        self._kept: Tensors = {}
        self._added = 0

    def batch(self, rendered: Tensors, step: int, rank: int) -> Tensors:
        """The crops of one step, `recipe.batch` of them, as `collate` gives them.

        Args:
            rendered: this step's images, as `collate` gives them, with masks, wider than crops by
                `RENDER_MARGIN`.

        Raises:
            UserError: the device has no room for so many images.
        """
        own = self._add(rendered)
        rng = np.random.default_rng([self._seed, step, rank])
        count = self._recipe.batch
        others = rng.integers(0, min(self._added, self._recipe.album), count - len(own))
        chosen = torch.from_numpy(np.concatenate([own, others])).to(rendered["images"].device)
        views = random_views(rng, count, rendered["images"].shape[1], self._recipe)
        colors = color_changes(rng, count, self._recipe.color_jitter)
        pictures = {name: values[chosen] for name, values in self._kept.items()}
        return cut(pictures, views, colors, self._size_px, self._parts)

    def _add(self, rendered: Tensors) -> np.ndarray:
        """Where the images are kept from now on."""
        if not self._kept:
            self._kept = {name: self._room_for(values) for name, values in rendered.items()}
        count = len(rendered["images"])
        places = (self._added + np.arange(count)) % self._recipe.album
        self._added += count
        index = torch.from_numpy(places).to(rendered["images"].device)
        for name, values in rendered.items():
            self._kept[name][index] = values
        return places

    def _room_for(self, values: Tensor) -> Tensor:
        try:
            return values.new_empty((self._recipe.album, *values.shape[1:]))
        except RuntimeError:
            raise UserError(
                f"data.album {self._recipe.album}: {values.device} has no room for so many images; "
                f"each takes {values[0].nbytes / 1e6:.2f} MB, beside what the network needs"
            ) from None


def cut(pictures: Tensors, views: Views, colors: np.ndarray, size_px: int, parts: Tensor | None) -> Tensors:
    """Crops of a batch of pictures with every label, as `CropCamera.from_box` and `crop_sample` cut one.

    Args:
        pictures: images (B,W,W,3), masks (B,W,W) and the arrays of `Target` of square pictures, in the frame
            of each one's camera, which looks through its middle.
        views: B boxes, one of each picture.
        colors: (B,3,4) `color_changes`.
        size_px: S.
        parts: (778,) `vertex_parts` or None.
    """
    device, width = pictures["images"].device, pictures["images"].shape[1]
    center, side, roll = (torch.as_tensor(values, dtype=torch.float32, device=device) for values in views[:3])
    flipped = torch.as_tensor(views.flipped, device=device)
    picture_focal = pictures["focal_px"]
    rotation, focal = _crop_cameras(center, side, roll, picture_focal, width, size_px)
    to_picture = _from_rays(picture_focal, width) @ rotation.mT @ _to_rays(focal, size_px)
    places = _pixels(to_picture, size_px, width)
    images = _recolored(_seen(pictures["images"].movedim(-1, 1), places, BORDER_RGB), colors)
    labels = pictures["masks"][:, None].float()
    labels = F.grid_sample(labels, places, "nearest", "zeros", align_corners=True)
    joints = pictures["joints"] @ rotation.mT[:, None]
    valid = pictures["joints_valid"] & pictures["presence"].bool()[..., None]
    inside = valid & _inside(pictures["joints"], picture_focal, width) & _inside(joints, focal, size_px)
    presence = pictures["presence"].bool() & (inside.sum(-1) >= MIN_JOINTS_INSIDE)
    rotations = pictures["rotations"].clone()
    rotations[:, :, 0] = rotation[:, None] @ rotations[:, :, 0]
    crops = {
        "images": images.movedim(1, -1),
        "masks": labels[:, 0].to(torch.uint8),
        "presence": presence.float(),
        "vertices": pictures["vertices"] @ rotation.mT[:, None],
        "joints": joints,
        "rotations": rotations,
        "shape": pictures["shape"],
        "joints_valid": pictures["joints_valid"] & presence[..., None],
        "mesh_valid": pictures["mesh_valid"] & presence,
        "focal_px": focal,
    }
    crops = _mirrored_where(flipped, crops)
    masks = crops.pop("masks")
    if parts is not None:
        present = crops["presence"].bool() & crops["mesh_valid"]
        crops["parts"] = cell_parts(
            crops["vertices"], present, focal, size_px, masks, parts.to(device, non_blocking=True)
        )
    return crops


def _crop_cameras(
    center: Tensor, side: Tensor, roll: Tensor, picture_focal: Tensor, width: int, size_px: int
) -> tuple[Tensor, Tensor]:
    """Rotations (B,3,3) and focal lengths (B,) of `CropCamera.from_box`."""
    x, y = ((center - (width - 1) / 2) / picture_focal[:, None]).unbind(-1)
    z = torch.rsqrt(x * x + y * y + 1.0)
    x, y, k = x * z, y * z, 1.0 / (1.0 + z)
    shortest = [z + y * y * k, -x * y * k, -x, -x * y * k, z + x * x * k, -y, x, y, z]
    cosine, sine, zero, one = roll.cos(), roll.sin(), torch.zeros_like(roll), torch.ones_like(roll)
    rolled = [cosine, sine, zero, -sine, cosine, zero, zero, zero, one]
    rotation = _stacked(rolled) @ _stacked(shortest)
    return rotation, size_px / side * picture_focal * rotation[:, 2, 2] ** -1.5


def _stacked(entries: list[Tensor]) -> Tensor:
    return torch.stack(entries, -1).unflatten(-1, (3, 3))


def _from_rays(focal: Tensor, size_px: int) -> Tensor:
    """K (B,3,3) of cameras that look through the middle of square pictures."""
    zero, one = torch.zeros_like(focal), torch.ones_like(focal)
    middle = torch.full_like(focal, (size_px - 1) / 2)
    return _stacked([focal, zero, middle, zero, focal, middle, zero, zero, one])


def _to_rays(focal: Tensor, size_px: int) -> Tensor:
    """K⁻¹ (B,3,3) of the same."""
    zero, one, middle = torch.zeros_like(focal), torch.ones_like(focal), (size_px - 1) / 2 / focal
    return _stacked([1 / focal, zero, -middle, zero, 1 / focal, -middle, zero, zero, one])


def _pixels(to_picture: Tensor, size_px: int, width: int) -> Tensor:
    """Where each pixel of the crops lies in the pictures, (B,S,S,2), −1 and 1 on the middles of the outermost
    pixels.
    """
    along = torch.arange(size_px, device=to_picture.device, dtype=torch.float32)
    rows, columns = torch.meshgrid(along, along, indexing="ij")
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], -1).flatten(0, 1)
    places = pixels @ to_picture.mT
    return (places[..., :2] / places[..., 2:] * (2 / (width - 1)) - 1).unflatten(1, (size_px, size_px))


def _seen(pictures: Tensor, places: Tensor, border: tuple[int, int, int]) -> Tensor:
    """(B,3,S,S) float32, bilinear; the border's color beyond the pictures."""
    outside = torch.tensor(border, device=pictures.device, dtype=torch.float32)[:, None, None]
    return (
        F.grid_sample(pictures.float() - outside, places, "bilinear", "zeros", align_corners=True) + outside
    )


def _recolored(images: Tensor, colors: np.ndarray) -> Tensor:
    """(B,3,S,S) uint8."""
    matrices = torch.as_tensor(colors, dtype=torch.float32, device=images.device)
    changed = matrices[..., :3] @ images.flatten(2) + matrices[..., 3:]
    return changed.round().clamp(0, 255).to(torch.uint8).view_as(images)


def _inside(joints: Tensor, focal: Tensor, size_px: int) -> Tensor:
    """(B,2,21): before the camera and in its picture."""
    pixels = project_to_crop(joints, focal, size_px, _CLOSEST_M)
    in_picture = (pixels >= -0.5) & (pixels < size_px - 0.5)
    return (joints[..., 2] > _CLOSEST_M) & in_picture.all(-1)


def _mirrored_where(flipped: Tensor, crops: Tensors) -> Tensors:
    """The crops, some of them as `augment.flipped` mirrors one."""
    mirror = torch.tensor(_MIRROR, device=flipped.device)
    swapped = torch.tensor([0, 2, 1, 3], dtype=torch.uint8, device=flipped.device)
    mirrored = {
        **{
            name: values.flip(1)
            for name, values in crops.items()
            if name not in ("images", "masks", "focal_px")
        },
        "images": crops["images"].flip(2),
        "masks": swapped[crops["masks"].flip(2).long()],
        "vertices": crops["vertices"].flip(1) * mirror,
        "joints": crops["joints"].flip(1) * mirror,
        "rotations": crops["rotations"].flip(1) * mirror[:, None] * mirror,
        "focal_px": crops["focal_px"],
    }
    return {
        name: torch.where(flipped.view(-1, *[1] * (values.ndim - 1)), mirrored[name], values)
        for name, values in crops.items()
    }
