"""Errors of a device: the engine starts anew or something slower takes over, and it is counted."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from faulty_engine import Faulty, cuda_error, engine_on, recovering

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.inference.recovery import RecoveringBackend
from lgnet_ros.pipeline import HandsPipeline, PipelineSettings


def crops(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((count, 128, 128, 3), np.uint8), np.full(count, 150.0, np.float32)


def test_a_device_error_restarts_the_engine_and_the_batch_is_answered() -> None:
    backend, made = recovering([cuda_error()])
    assert backend.infer(*crops(2))["vertices"].shape == (2, 2, 778, 3)
    assert (backend.restarts, len(made), backend.name) == (1, 2, "gpu")


def test_a_device_error_over_a_whole_image_restarts_the_engine_too() -> None:
    for see, size, shape in (
        (RecoveringBackend.centers, (288, 384, 3), (6, 18, 24)),
        (RecoveringBackend.palms, (192, 192, 3), (2016, 6)),
    ):
        backend, made = recovering([cuda_error()])
        assert see(backend, np.zeros(size, np.uint8)).shape == shape
        assert (backend.restarts, len(made), backend.name) == (1, 2, "gpu")


def test_a_device_that_stays_broken_is_given_up_for_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    backend, _ = recovering([cuda_error(), cuda_error()])
    backend.infer(*crops(1))
    assert (backend.restarts, backend.name) == (2, "cpu")
    assert "from now on cpu runs" in caplog.text
    assert "more lines" not in caplog.text


def test_a_batch_too_large_for_the_memory_runs_one_by_one() -> None:
    backend, made = recovering([], most=1)
    focal_px = np.array([150.0, 151.0, 152.0], np.float32)
    answer = backend.infer(crops(3)[0], focal_px)
    assert answer["presence_logits"].shape == (3, 2)
    np.testing.assert_array_equal(answer["relative_translation"][:, 0], focal_px)
    assert made[0].sizes == [3, 1, 1, 1]
    assert backend.restarts == 0


def test_the_next_batch_as_large_is_not_tried_again() -> None:
    backend, made = recovering([], most=2)
    for count in (3, 4, 2):
        assert backend.infer(*crops(count))["presence_logits"].shape == (count, 2)
    assert made[0].sizes == [3, *3 * [1], *4 * [1], 2]


def test_what_the_failed_batch_took_is_free_before_its_crops_run() -> None:
    class Activations:
        pass

    held: list[weakref.ref[Activations]] = []

    class Full(Faulty):
        def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
            assert not any(memory() for memory in held)
            activations = Activations()
            held.append(weakref.ref(activations))
            return super().infer(crops, focal_px)

    backend = RecoveringBackend(lambda: Full("gpu", [], most=1), lambda: Faulty("cpu", []))
    backend.infer(*crops(2))
    assert len(held) == 3 and backend.name == "gpu"


def test_a_crop_too_large_for_memory_goes_to_the_cpu_with_advice(caplog: pytest.LogCaptureFixture) -> None:
    backend, _ = recovering([], most=0)
    backend.infer(*crops(1))
    assert backend.name == "cpu"
    assert "use smaller weights" in caplog.text


def test_a_device_that_fails_at_the_start_is_replaced_at_once() -> None:
    def broken() -> Faulty:
        raise cuda_error()

    backend = RecoveringBackend(broken, lambda: Faulty("cpu", []))
    assert (backend.name, backend.restarts) == ("cpu", 1)


def test_what_has_taken_over_is_not_replaced_again() -> None:
    def broken() -> Faulty:
        raise cuda_error()

    made = [Faulty("cpu", [cuda_error()])]
    backend = RecoveringBackend(broken, made.pop)
    with pytest.raises(RuntimeError, match="CUDA error"):
        backend.infer(*crops(1))
    assert backend.restarts == 1 and backend.infer(*crops(1))["shape"].shape == (1, 2, 10)


def test_errors_of_the_program_are_not_hidden() -> None:
    backend, made = recovering([RuntimeError("shape mismatch")])
    with pytest.raises(RuntimeError, match="shape mismatch"):
        backend.infer(*crops(1))
    assert len(made) == 1


def test_the_pipeline_goes_on_after_a_device_error_and_tells_of_the_restart() -> None:
    errors: list[Exception] = []
    pipeline = HandsPipeline(engine_on(recovering(errors)[0]))
    camera = CameraIntrinsics.from_field_of_view(320, 240, 1.0)
    image = np.zeros((240, 320, 3), np.uint8)
    for number in range(3):
        errors += [cuda_error()] if number == 1 else []
        assert pipeline.step(image, camera, number / 30).stamp_s == number / 30
    assert pipeline.engine_restarts == 1


def test_a_network_that_does_not_fit_says_what_to_change() -> None:
    engine = engine_on(Faulty("cpu", [RuntimeError("DefaultCPUAllocator: can't allocate memory")]))
    pipeline = HandsPipeline(engine, PipelineSettings())
    with pytest.raises(UserError, match="lgnet-nano.*out of memory.*use smaller weights"):
        pipeline.warm_up()
