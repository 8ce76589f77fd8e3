"""Training batches as a pure function of the step: what makes a resumed run see what an unbroken one would
have.

Step k of process r gets the same images whether the run was killed before or not. Nothing is remembered
between steps but a cache that can be made again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.reading import HandDataset, next_readable
from lgnet_ros.data.synthetic.stream import begin_worker
from lgnet_ros.training.augmentation import photographed, recropped
from lgnet_ros.training.parts import cell_parts
from lgnet_ros.training.recipe import DataRecipe

Batch = dict[str, np.ndarray]


class BatchSource(Protocol):
    """Makes the batch of one step of one process."""

    def batch(self, step: int, rank: int, ranks: int) -> list[CropSample]: ...


class SyntheticSource:
    """Images rendered for their step, beside images rendered in earlier steps and cut anew.

    Rendering costs more than cutting, so of each batch a share is replayed: drawn evenly from the last
    `replay_window` images of the same lane, each time with other geometry and colours. A lane is every n-th
    step, for n
    workers: a worker only replays what it has rendered itself.
    """

    def __init__(
        self, recipe: DataRecipe, seed: int, size_px: int, render: Callable[[int], CropSample]
    ) -> None:
        """`render(index)` gives the crop to cut from, wider than needed; it must be a pure function of the
        index.
        """
        self._recipe, self._seed, self._size_px, self._render = recipe, seed, size_px, render
        self._lanes = max(1, recipe.workers)
        self._cache: OrderedDict[int, CropSample] = OrderedDict()

    def batch(self, step: int, rank: int, ranks: int) -> list[CropSample]:
        """The crops of one step; `recipe.batch` of them."""
        samples = []
        for slot, index in enumerate(self.indices(step, rank, ranks)):
            rng = np.random.default_rng([self._seed, step, rank, slot])
            samples.append(recropped(self._cached(index), rng, self._size_px, self._recipe))
        return samples

    def indices(self, step: int, rank: int, ranks: int) -> np.ndarray:
        """Which rendered images a step uses: the step's own first, then replayed ones."""
        fresh = self._recipe.fresh_per_batch
        rng = np.random.default_rng([self._seed, step, rank])
        replayed = self._recipe.batch - fresh
        earlier = min(step // self._lanes, self._recipe.replay_window // fresh)
        steps = step - self._lanes * rng.integers(0, earlier + 1, replayed)
        own = _rendered_for(step, rank, ranks, fresh)
        return np.concatenate([own, (steps * ranks + rank) * fresh + rng.integers(0, fresh, replayed)])

    def _cached(self, index: int) -> CropSample:
        if index not in self._cache:
            self._cache[index] = self._render(index)
            if len(self._cache) > self._recipe.replay_window + self._recipe.batch:
                self._cache.popitem(last=False)
        return self._cache[index]


def _rendered_for(step: int, rank: int, ranks: int, fresh: int) -> np.ndarray:
    """The images, `fresh` of them, that are rendered for a step of a process, and for no other."""
    return (step * ranks + rank) * fresh + np.arange(fresh)


class RenderedSource:
    """Images rendered for their step, uncut, for an `Album`."""

    def __init__(self, recipe: DataRecipe, render: Callable[[int], CropSample]) -> None:
        """`render`: as for `SyntheticSource`."""
        self._recipe, self._render = recipe, render

    def batch(self, step: int, rank: int, ranks: int) -> list[CropSample]:
        """The images of one step; `recipe.fresh_per_batch` of them."""
        return [
            self._render(index) for index in _rendered_for(step, rank, ranks, self._recipe.fresh_per_batch)
        ]


class DatasetSource:
    """A dataset of finite size, once through per epoch, in a new order each time, cut and augmented on the
    fly.
    """

    def __init__(self, dataset: HandDataset, recipe: DataRecipe, seed: int, size_px: int) -> None:
        self._dataset, self._recipe, self._seed, self._size_px = dataset, recipe, seed, size_px
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def steps_per_epoch(self, ranks: int) -> int:
        """Whole batches only; the few images that are left over come another epoch."""
        return max(1, len(self._dataset) // (self._recipe.batch * ranks))

    def batch(self, step: int, rank: int, ranks: int) -> list[CropSample]:
        """The crops of one step; `recipe.batch` of them."""
        epoch, within = divmod(step, self.steps_per_epoch(ranks))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        start = (within * ranks + rank) * self._recipe.batch
        chosen = self._order[np.arange(start, start + self._recipe.batch) % len(self._order)]
        return [
            photographed(
                next_readable(self._dataset, int(index)),
                np.random.default_rng([self._seed, epoch, int(index)]),
                self._size_px,
                self._recipe,
            )
            for index in chosen
        ]

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self._seed, epoch]).permutation(len(self._dataset))


class StepBatches(IterableDataset[Batch]):
    """The batches from one step on, for a `DataLoader` that does not batch; worker w of n makes each n-th."""

    def __init__(
        self,
        source: BatchSource,
        steps: range,
        rank: int,
        ranks: int,
        together: Callable[[list[CropSample]], Batch],
    ) -> None:
        self._source, self._steps, self._rank, self._ranks = source, steps, rank, ranks
        self._together = together

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        for step in self._steps[worker::workers]:
            yield self._together(self._source.batch(step, self._rank, self._ranks))


def loader(
    source: BatchSource,
    recipe: DataRecipe,
    steps: range,
    rank: int,
    ranks: int,
    parts: np.ndarray | None = None,
) -> DataLoader:
    """Batches of these steps, prepared ahead by the recipe's workers; parts: `vertex_parts`, where they are
    to tell the parts of their cells too. For an album, which finds parts itself, they come with masks.
    """
    together = collate_pictures if recipe.album else partial(collate, parts=parts)
    return DataLoader(
        StepBatches(source, steps, rank, ranks, together),
        batch_size=None,
        collate_fn=_as_it_is,
        num_workers=recipe.workers,
        # Spawned: in a forked one, PyTorch and OpenCV would wait for threads that were not forked along.
        multiprocessing_context="spawn" if recipe.workers else None,
        prefetch_factor=2 if recipe.workers else None,
        worker_init_fn=_begin_worker,
        # Its thread receives what workers send while the step before is still launched.
        pin_memory=bool(recipe.album) and torch.cuda.is_available(),
    )


def collate(samples: list[CropSample], parts: np.ndarray | None = None) -> Batch:
    """Images (B, S, S, 3) uint8 under "images", beside the arrays of `Target`; with `vertex_parts`, also
    their cells' (B, 16, 16) under "parts".
    """
    targets = [sample.to_target() for sample in samples]
    batch = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
    batch["images"] = np.stack([sample.image for sample in samples])
    if parts is not None:
        batch["parts"] = _cell_parts(batch, _masks(samples), parts)
    return batch


def collate_pictures(samples: list[CropSample]) -> Batch:
    """Images to cut crops from, with their masks (B, S, S) uint8 under "masks"."""
    return {**collate(samples), "masks": _masks(samples)}


def _masks(samples: list[CropSample]) -> np.ndarray | None:
    masks = [sample.mask for sample in samples]
    return None if masks[0] is None else np.stack(masks)


def _cell_parts(batch: Batch, masks: np.ndarray | None, parts: np.ndarray) -> np.ndarray:
    present = batch["presence"].astype(bool) & batch["mesh_valid"]
    arrays = (batch["vertices"], present, batch["focal_px"], parts)
    vertices, present, focal_px, parts = (torch.from_numpy(array) for array in arrays)
    masks = None if masks is None else torch.from_numpy(masks)
    return cell_parts(vertices, present, focal_px, batch["images"].shape[1], masks, parts).numpy()


def to_tensors(batch: Batch) -> dict[str, Tensor]:
    """The same memory as tensors."""
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def _as_it_is(batch: Batch) -> Batch:
    """Arrays travel from a worker through its pipe; tensors would need shared memory, of which containers
    have little.
    """
    return batch


def stacked(samples: list[CropSample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (B, S, S, 3) uint8 and focal lengths (B,), crop px."""
    images = torch.from_numpy(np.stack([sample.image for sample in samples]))
    return images, torch.tensor([sample.focal_px for sample in samples], dtype=torch.float32)


def _begin_worker(_: int) -> None:
    """Workers are processes; threads inside them would only fight each other."""
    torch.set_num_threads(1)
    begin_worker()
