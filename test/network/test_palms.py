"""MediaPipe's palm detection in PyTorch: what its own file answers, as places where hands are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lgnet_ros.errors import UserError
from lgnet_ros.network.palms import Palms
from lgnet_ros.network.pretrained import published_palms

GUESSES = 2 * 24**2 + 6 * 12**2


def published_file(name: str) -> Path:
    mediapipe = pytest.importorskip("mediapipe")
    path = Path(mediapipe.__file__).parent / "modules" / name
    if not path.is_file():
        pytest.skip(f"this mediapipe brings no {name}")
    return path


def test_answers_are_those_of_the_published_network() -> None:
    openvino = pytest.importorskip("openvino")
    path = published_file("palm_detection/palm_detection_lite.tflite")
    shown = np.random.default_rng(0).random((1, 192, 192, 3), dtype=np.float32)
    theirs = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([shown])
    with torch.no_grad():
        logits, numbers = published_palms(path).guesses(torch.from_numpy(shown).permute(0, 3, 1, 2))
    np.testing.assert_allclose(logits[0], theirs[1][0, :, 0], atol=1e-3)
    np.testing.assert_allclose(numbers, theirs[0], atol=1e-2)


def test_another_network_is_refused_by_name() -> None:
    path = published_file("hand_landmark/hand_landmark_full.tflite")
    with pytest.raises(UserError, match=r"hand_landmark_full.tflite: not MediaPipe's palm_detection_lite"):
        published_palms(path)
    with pytest.raises(UserError, match=r"none.tflite: no such file"):
        published_palms(Path("none.tflite"))


class Guessing(Palms):
    """Says of one guess what it is told, and nothing of all others."""

    def __init__(self, index: int, numbers: dict[int, float]) -> None:
        super().__init__()
        self.index, self.told = index, numbers

    def guesses(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.shown = images
        logits, numbers = torch.full((1, GUESSES), -9.0), torch.zeros(1, GUESSES, 18)
        logits[0, self.index] = 3.0
        for place, value in self.told.items():
            numbers[0, self.index, place] = value
        return logits, numbers


# A box 20 wide, 30 high, 2 right of and 1 above the cell's middle; wrist 12 below, middle knuckle 18 above.
UPRIGHT = {0: 2.0, 1: -1.0, 2: 20.0, 3: 30.0, 4: 2.0, 5: 12.0, 8: 2.0, 9: -18.0}


@pytest.mark.parametrize(
    ("index", "middle"),
    [
        (0, (3.5, 3.5)),  # of the first cell of 8 px
        (2 * (24 * 10 + 5) + 1, (43.5, 83.5)),  # the second guess of row 10, column 5
        (2 * 24**2 - 1, (187.5, 187.5)),
        (2 * 24**2 + 6 * (12 * 6 + 4) + 5, (71.5, 103.5)),  # of cells of 16 px row 6, column 4
    ],
)
def test_a_palm_becomes_the_hand_it_belongs_to(index: int, middle: tuple[float, float]) -> None:
    answers = Guessing(index, UPRIGHT)(torch.zeros(1, 192, 192, 3, dtype=torch.uint8))
    assert answers.shape == (1, GUESSES, 6) and answers.dtype == torch.float32
    assert torch.isfinite(answers).all()  # also of guesses without any size
    (likely,) = torch.nonzero(answers[0, :, 0] > 0)
    assert likely == index
    # The hand's middle is half of the longer side, 15 px, further up; it is 1.82 of them large.
    expected = [3.0, middle[0] + 2, middle[1] - 1 - 15, 54.6, 0.0, -30.0]
    np.testing.assert_allclose(answers[0, index], expected, atol=1e-4)


def test_fingers_may_point_anywhere() -> None:
    sideways = UPRIGHT | {4: -10.0, 5: 0.0, 8: 20.0, 9: 40.0}
    answers = Guessing(0, sideways)(torch.zeros(1, 192, 192, 3, dtype=torch.uint8))
    expected = [3.0, 3.5 + 2 + 15 * 0.6, 3.5 - 1 + 15 * 0.8, 54.6, 30.0, 40.0]
    np.testing.assert_allclose(answers[0, 0], expected, atol=1e-4)


def test_bytes_are_shown_between_0_and_1() -> None:
    image = torch.zeros(1, 192, 192, 3, dtype=torch.uint8)
    image[0, 10, 20] = torch.tensor([51, 102, 255], dtype=torch.uint8)
    network = Guessing(0, UPRIGHT)
    network(image)
    assert network.shown.shape == (1, 3, 192, 192)
    np.testing.assert_allclose(network.shown[0, :, 10, 20], [0.2, 0.4, 1.0], atol=1e-6)
    assert network.shown.sum() == pytest.approx(1.6)
