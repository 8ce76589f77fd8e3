"""What a weights file says of its network's errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine, NetworkErrors, read_info, save_weights
from lgnet_ros.network import LGNet, LGNetConfig
from lgnet_ros.pipeline.estimators import LGNetEstimator


def test_errors_travel_with_the_weights_to_whoever_runs_them(tmp_path: Path) -> None:
    model = HandModel.load()
    errors = NetworkErrors(joint_std_m=0.011, zoom_bias=0.02, size_trust=0.3)
    path = tmp_path / "w.safetensors"
    save_weights(path, LGNet(LGNetConfig.nano(), model), "nano", "", "", errors=errors)
    assert NetworkErrors.from_dict(read_info(path).errors) == errors
    engine = Engine.load(path, "cpu", "fp32", model, backend="torch")
    assert LGNetEstimator(engine).errors == errors


def test_weights_that_say_nothing_of_their_errors_get_the_defaults() -> None:
    assert NetworkErrors.from_dict({}) == NetworkErrors()
    assert NetworkErrors.from_dict({"joint_std_m": 0.02}).relative_std_m == NetworkErrors().relative_std_m


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"joint_std": 0.1}, "'joint_std'"),
        ({"zoom_bias": np.nan}, "zoom_bias"),
        ({"size_std": "6"}, "size_std"),
    ],
)
def test_what_is_no_error_is_refused(values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        NetworkErrors.from_dict(values)


def test_errors_are_plain_json() -> None:
    assert json.loads(json.dumps(NetworkErrors().as_dict())) == NetworkErrors().as_dict()
