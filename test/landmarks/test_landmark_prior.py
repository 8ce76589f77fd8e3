"""What the fit knows beforehand: the shipped file, its making, and what is wrong with other files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, OURS_ROTATION, SIDES
from lgnet_ros.inference import NetworkErrors
from lgnet_ros.landmarks.articulation import ANGLE_LIMITS, FREEDOM_COUNT
from lgnet_ros.landmarks.mediapipe_hands import DetectedHand
from lgnet_ros.landmarks.prior import PRIOR_FILE, LandmarkPrior, load_prior, save_prior
from lgnet_ros.paths import weights_directory
from lgnet_ros.training import landmark_prior


def test_the_shipped_prior_is_small_and_describes_possible_hands() -> None:
    prior = load_prior()
    assert (weights_directory() / PRIOR_FILE).stat().st_size < 10_000
    assert (prior.mean >= ANGLE_LIMITS[:, 0]).all() and (prior.mean <= ANGLE_LIMITS[:, 1]).all()
    assert np.linalg.eigvalsh(prior.information).min() > 0
    assert np.linalg.norm(prior.offsets, axis=1).max() < 0.02


def test_pose_statistics_are_those_of_the_shipped_prior() -> None:
    mean, covariance = landmark_prior.pose_statistics(400, seed=5)
    prior = load_prior()
    spread = np.sqrt(np.diag(prior.covariance))
    assert (np.abs(mean - prior.mean) < 0.25 * spread + 0.01).all()
    assert (np.abs(np.sqrt(np.diag(covariance)) - spread) < 0.3 * spread + 0.01).all()


class ShiftedTruth:
    """Finds every hand exactly, its landmarks moved from the joints by known offsets."""

    name = "shifted truth"

    def __init__(self, offsets: np.ndarray) -> None:
        self._offsets, self._model = offsets, HandModel.load()
        self.sample = None

    def find(self, image: np.ndarray) -> list[DetectedHand]:
        import torch

        hands = []
        for side in np.flatnonzero(self.sample.presence):
            rotations = torch.from_numpy(self.sample.rotations[side])
            shape = torch.from_numpy(self.sample.shape[side])
            turned = self._model(rotations, shape, SIDES[side]).rotations.numpy()[list(OURS_ROTATION)]
            moved = self._offsets * ((-1, 1, 1) if side == LEFT else (1, 1, 1))
            points = self.sample.joints[side] + np.einsum("jik,jk->ji", turned, moved)
            hands.append(
                DetectedHand(int(side), 1.0, self.sample.intrinsics.project(points), np.zeros((21, 3)))
            )
        return hands

    def reset(self) -> None:
        pass


def test_offsets_of_landmarks_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    true = 0.005 * np.random.default_rng(0).standard_normal((21, 3))
    finder = ShiftedTruth(true)

    def rendered(seed: int, index: int, settings: SyntheticSettings):
        finder.sample = render_sample(seed, index, settings)
        return finder.sample

    monkeypatch.setattr(landmark_prior, "render_sample", rendered)
    found = landmark_prior.landmark_offsets(finder, 60, seed=0)
    # Held back a little towards none, since sixty images are few.
    assert np.linalg.norm(found - true, axis=1).mean() < 0.2 * np.linalg.norm(true, axis=1).mean()


def test_too_few_images_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(ShiftedTruth):
        def find(self, image: np.ndarray) -> list[DetectedHand]:
            return []

    with pytest.raises(UserError, match=r"only 0 hands were found in 2 images"):
        landmark_prior.landmark_offsets(Blind(np.zeros((21, 3))), 2, seed=0)


def test_a_prior_is_read_as_it_was_written(tmp_path: Path) -> None:
    prior = load_prior()
    save_prior(tmp_path / "prior.npz", prior)
    again = load_prior(tmp_path / "prior.npz")
    np.testing.assert_array_equal(again.covariance, prior.covariance)
    assert again.errors == prior.errors and NetworkErrors.from_dict(again.errors) != NetworkErrors()


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "prior.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"prior\.npz: not a landmark prior .*lgnet landmarks learn"):
        load_prior(tmp_path / "prior.npz")


def test_a_prior_of_another_size_is_refused(tmp_path: Path) -> None:
    wrong = LandmarkPrior(np.zeros(3), np.eye(FREEDOM_COUNT), np.zeros((21, 3)))
    save_prior(tmp_path / "prior.npz", wrong)
    with pytest.raises(UserError, match=r"mean is not \(27,\) finite numbers"):
        load_prior(tmp_path / "prior.npz")
