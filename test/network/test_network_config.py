"""Configurations: presets, ablations, their way through plain values."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.network import ABLATIONS, VARIANTS, Backbone, LGNetConfig, LocalGraph, LossWeights


def test_presets_are_the_designs_table() -> None:
    table = {
        name: (c.backbone, c.input_size, c.channels) for name in VARIANTS if (c := LGNetConfig.preset(name))
    }
    assert table == {
        "full": (Backbone.RESNET50, 256, 512),
        "light": (Backbone.RESNET50, 256, 256),
        "nano": (Backbone.EFFICIENTNET_LITE0, 192, 128),
    }


def test_table_iii_has_ten_ablations_and_each_changes_one_thing() -> None:
    full = LGNetConfig.full()
    assert len(ABLATIONS) == 10
    for name in ABLATIONS:
        changed = [
            f.name for f in fields(full) if getattr(full.without(name), f.name) != getattr(full, f.name)
        ]
        assert changed == [name if hasattr(full, name) else "loss_weights"]


def test_the_papers_loss_weights() -> None:
    weights = LossWeights()
    assert (weights.mesh, weights.joint, weights.normal, weights.edge, weights.laplacian) == (1, 1, 1, 1, 50)
    assert LGNetConfig.nano().without("laplacian_loss").loss_weights.laplacian == 0


def test_a_configuration_survives_json() -> None:
    config = LGNetConfig.light().without("edge_loss").without("global_unit")
    assert LGNetConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    assert LGNetConfig.from_dict({**config.as_dict(), "local_graph": "none"}).local_graph is LocalGraph.NONE


@pytest.mark.parametrize(
    "change, words",
    [
        ({"widht": 3}, "unknown entry widht"),
        ({"backbone": "vgg"}, "'vgg' is not a valid Backbone"),
        ({"loss_weights": {"mash": 1.0}}, "mash"),
    ],
)
def test_a_wrong_entry_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        LGNetConfig.from_dict({**LGNetConfig.nano().as_dict(), **change})


def test_unknown_variants_and_ablations_are_named() -> None:
    with pytest.raises(UserError, match="no variant 'giant'"):
        LGNetConfig.preset("giant")
    with pytest.raises(UserError, match="no ablation 'wings'"):
        LGNetConfig.nano().without("wings")
