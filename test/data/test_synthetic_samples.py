"""Synthetic samples seen from outside: truth, determinism, what the splits hold."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from lgnet_ros.data.synthetic.build import hand_kits
from lgnet_ros.data.synthetic.objects import KINDS
from lgnet_ros.data.synthetic.patterns import PATTERNS
from lgnet_ros.data.synthetic.settings import SPLITS, SyntheticSettings, random_stream
from lgnet_ros.data.synthetic.stream import in_processes, render_crop_sample, render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES

PALM = np.isin(np.arange(21), (0, 1, 5, 9, 13, 17))
_TEST = SyntheticSettings(split="test", width=320, height=240)


@pytest.fixture(scope="module")
def samples() -> list:
    return [render_sample(3, index, _TEST) for index in range(30)]


@pytest.fixture(scope="module")
def crops() -> list:
    return [render_crop_sample(3, index, _TEST, 96) for index in range(60)]


def test_every_label_reposes_to_its_vertices(samples: list) -> None:
    model = HandModel.load()
    for sample in samples:
        for side in np.flatnonzero(sample.presence):
            rotations, shape = torch.from_numpy(sample.rotations[side]), torch.from_numpy(sample.shape[side])
            posed = model(rotations, shape, SIDES[side])
            relative = (posed.vertices - posed.joints[:1]).numpy()
            np.testing.assert_allclose(sample.vertices[side] - sample.joints[side, :1], relative, atol=2e-6)
            regressed = model.joint_regressor(SIDES[side]).numpy() @ sample.vertices[side]
            np.testing.assert_allclose(sample.joints[side], regressed, atol=2e-6)


def test_masks_lie_where_the_vertices_project(samples: list) -> None:
    """A mask stays within the box of the projected vertices; of a hand that is all visible, it fills the
    box, but for the wrist's side, which a sleeve may hide."""
    compared = 0
    for sample in samples:
        for side in np.flatnonzero(sample.presence):
            rows, columns = np.nonzero(sample.mask == side + 1)
            if not len(rows):
                continue
            pixels = sample.intrinsics.project(sample.vertices[side].astype(np.float64))
            low = np.clip(pixels.min(axis=0), -0.5, [319.5, 239.5])
            high = np.clip(pixels.max(axis=0), -0.5, [319.5, 239.5])
            short = np.array([columns.min(), rows.min(), *(-columns.max(), -rows.max())]) - [*low, *-high]
            assert short.min() > -1.0
            if sample.visibility[side].mean() > 0.95 and len(rows) > 30:
                assert np.sort(short)[1] < 1.5
                compared += 1
    assert compared >= 3


def test_depth_is_that_of_the_surface(samples: list) -> None:
    """At a visible vertex, the picture's depth is the vertex's, up to a pixel's slant."""
    errors = []
    for sample in samples:
        for side in np.flatnonzero(sample.presence):
            pixels = np.round(sample.intrinsics.project(sample.vertices[side].astype(np.float64))).astype(int)
            inside = np.all((pixels >= 0) & (pixels < [320, 240]), axis=1)
            column, row = pixels[inside].T
            depth, z = sample.depth[row, column], sample.vertices[side][inside, 2]
            own = (sample.mask[row, column] == side + 1) & (np.abs(depth - z) < 0.02)
            errors.append(np.abs(depth - z)[own])
    assert np.median(np.concatenate(errors)) < 0.004


def test_visible_joints_are_in_the_picture_and_not_behind_other_things(samples: list) -> None:
    for sample in samples:
        assert not (sample.visibility & ~sample.presence[:, None]).any()
        for side in np.flatnonzero(sample.presence):
            seen = sample.joints[side][sample.visibility[side]].astype(np.float64)
            column, row = np.round(sample.intrinsics.project(seen)).astype(int).T
            assert np.all((column >= 0) & (column < 320) & (row >= 0) & (row < 240))
            nearest = sample.depth[row, column]
            flesh = np.where(PALM[sample.visibility[side]], 0.04, 0.022)
            behind = np.where(sample.mask[row, column] == side + 1, flesh, 0.03)
            assert np.all((nearest == 0) | (nearest > seen[:, 2] - behind))


def test_joints_of_the_palm_are_in_sight_where_only_their_own_flesh_is_before_them(samples: list) -> None:
    """Against rays through the mesh: one that leaves the hand before the joint has met something else."""
    seen = {True: [], False: []}
    for sample in samples:
        for side in np.flatnonzero(sample.presence):
            joints = sample.joints[side].astype(np.float64)
            corners = sample.vertices[side].astype(np.float64)[hand_kits()[side].hand.faces]
            column, row = np.round(sample.intrinsics.project(joints)).astype(int).T
            inside = (column >= 0) & (column < 320) & (row >= 0) & (row < 240)
            for joint in np.flatnonzero(PALM & inside):
                if sample.mask[row[joint], column[joint]] == side + 1:
                    plain = not leaves_before(corners, joints[joint])
                    seen[plain].append(sample.visibility[side][joint])
    assert len(seen[True]) > 50 and np.mean(seen[True]) > 0.8
    assert np.mean(seen[False]) < 0.35


def leaves_before(corners: np.ndarray, point: np.ndarray) -> bool:
    """Whether the camera's ray to a point passes a face (K, 3, 3) from inside: Möller and Trumbore's test."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(point, second)
    volume = (first * across).sum(axis=1)
    from_first = -corners[:, 0]
    turned = np.cross(from_first, first)
    u, v = (from_first * across).sum(axis=1) / volume, turned @ point / volume
    along = (second * turned).sum(axis=1) / volume
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (along > 0) & (along < 1)
    return bool((hit & (volume < 0)).any())


def test_a_crop_shows_the_same_scene_as_the_frame(crops: list) -> None:
    """The crop's labels, taken back to the camera, are the frame's."""
    for index, crop in enumerate(crops[:12]):
        frame = render_sample(3, index, _TEST)
        for side in np.flatnonzero(crop.presence):
            back = crop.crop.to_camera(crop.joints[side])
            np.testing.assert_allclose(back, frame.joints[side], atol=1e-5)


def test_crop_masks_lie_on_the_labels(crops: list) -> None:
    inside, count = 0, 0
    for crop in crops:
        for side in np.flatnonzero(crop.presence):
            points = crop.joints[side].astype(np.float64)[crop.visibility[side]]
            column, row = np.round(crop.focal_px * points[:, :2] / points[:, 2:] + 47.5).astype(int).T
            inside += np.isin(crop.mask[row, column], (side + 1, 3)).sum()
            count += len(row)
    assert count > 300 and inside / count > 0.95


def test_a_margin_widens_the_picture_around_the_same_camera() -> None:
    plain, wide = (render_crop_sample(5, 2, _TEST, 64, margin) for margin in (1.0, 1.25))
    assert wide.image.shape == (80, 80, 3) and plain.image.shape == (64, 64, 3)
    assert wide.focal_px == plain.focal_px
    np.testing.assert_allclose(wide.joints, plain.joints, atol=1e-6)


def _digest(index: int) -> str:
    sample = render_sample(11, index, SyntheticSettings(split="train", width=160, height=120))
    crop = render_crop_sample(11, index, SyntheticSettings(split="train"), 64)
    arrays = (sample.image, sample.vertices, sample.mask, sample.depth, crop.image, crop.joints)
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    script = (
        f"import sys; sys.path.insert(0, {sys.path[0]!r}); import importlib.util as u; "
        f"s = u.spec_from_file_location('m', {__file__!r}); m = u.module_from_spec(s); "
        "s.loader.exec_module(m); "
        "print(m._digest(7), m._digest(2))"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.split() == [_digest(7), _digest(2)]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_worker_processes_return_the_same_samples_in_order() -> None:
    render = partial(render_crop_sample, 1, settings=SyntheticSettings(), size_px=48)
    for index, sample in enumerate(in_processes(render, range(3), workers=2)):
        np.testing.assert_array_equal(sample.image, render(index).image)
        assert sample.key == render(index).key


def test_order_and_history_do_not_matter() -> None:
    first = _digest(4)
    _digest(9)
    assert _digest(4) == first


def test_seeds_splits_and_indices_have_streams_of_their_own() -> None:
    draws = {
        tuple(random_stream(seed, index, split, purpose).integers(0, 2**32, 4).tolist())
        for seed in (0, 1)
        for index in (0, 1)
        for split in SPLITS
        for purpose in ("scene", "frame noise", "crop")
    }
    assert len(draws) == 2 * 2 * 3 * 3


def test_a_random_stream_is_philox_with_seed_and_words_as_its_key() -> None:
    word = (7 << 16) | (SPLITS.index("test") << 8) | 1
    expected = np.random.Generator(np.random.Philox(key=np.array([2**64 - 3, word], np.uint64)))
    stream = random_stream(-3, 7, "test", "crop")
    np.testing.assert_array_equal(stream.standard_normal(9), expected.standard_normal(9))


def test_splits_share_no_backgrounds_and_no_objects() -> None:
    for table in (PATTERNS, KINDS):
        assert set(table) == set(SPLITS)
        kinds = [kind for split in SPLITS for kind in table[split]]
        assert len(kinds) == len(set(kinds))


def test_bad_settings_are_refused_with_a_reason() -> None:
    with pytest.raises(UserError, match="split 'dev'"):
        SyntheticSettings(split="dev")
    with pytest.raises(UserError, match="scenes 'three_hands' are not one of all, tracked"):
        SyntheticSettings(scenes="three_hands")
    with pytest.raises(UserError, match="10×480"):
        SyntheticSettings(width=10)
    with pytest.raises(UserError, match="no such folder"):
        render_sample(0, 0, SyntheticSettings(background_folder="/nowhere/at/all"))


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed():
    code = (
        "import multiprocessing, os, time; from lgnet_ros.data.synthetic.stream import in_processes\n"
        "if __name__ == '__main__':\n"
        "    for _ in in_processes(abs, range(10_000_000), 2):\n"
        "        print(*[child.pid for child in multiprocessing.active_children()], flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while any(_runs(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(workers) == 2 and not any(_runs(worker) for worker in workers)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False
