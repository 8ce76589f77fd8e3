"""Sizes, variants, ablations and alternatives of LGNet: one frozen record, read once at construction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any

from lgnet_ros.errors import UserError


class Backbone(Enum):
    """What sees the image."""

    RESNET50 = "resnet50"  # the paper's
    EFFICIENTNET_LITE0 = "efficientnet_lite0"


class LocalGraph(Enum):
    """The graph convolution ahead of the local LGFA; the paper draws one, writes another, lists none."""

    GIN = "gin"  # Figure 3
    CHEBYSHEV = "chebyshev"  # Eq. 2
    NONE = "none"  # Algorithm 2


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms (Eqs. 12–16 and what has to be added), see `losses`.

    The paper's are 1, 1, 1, 1, 50 in centimetres. The others put each term at the size of the mesh loss after
    a few hundred steps.
    """

    mesh: float = 1.0
    joint: float = 1.0
    normal: float = 1.0
    edge: float = 1.0
    laplacian: float = 50.0
    joints_25d: float = 1.0
    heatmap: float = 0.5
    projection: float = 1.0
    relative_translation: float = 0.5
    rotation: float = 5.0
    shape: float = 0.2
    presence: float = 1.0


# Table III, row by row: what each ablation changes in a configuration.
_ABLATIONS: dict[str, dict[str, Any]] = {
    "joint_stage": {"joint_stage": False},
    "mesh_stage": {"mesh_stage": False},
    "refine_stage": {"refine_stage": False},
    "lr_feature": {"lr_feature": False},
    "lgblock": {"lgblock": False},
    "local_unit": {"local_unit": False},
    "global_unit": {"global_unit": False},
    "normal_loss": {"normal": 0.0},
    "edge_loss": {"edge": 0.0},
    "laplacian_loss": {"laplacian": 0.0},
}
ABLATIONS: tuple[str, ...] = tuple(_ABLATIONS)


@dataclass(frozen=True)
class LGNetConfig:
    """Everything that shapes the network.

    Attributes:
        backbone: what sees the image.
        input_size: crop's width and height, px.
        channels: c, the width of each hand's features and of its joint transformer.
        refine_channels: width of the refine stage's graph convolutions, a quarter of its head's first layer.
        joint_stage: off, fully connected layers give joints and joint features from the pooled features.
        mesh_stage: off, fully connected layers give the vertices (and rotations and shape beside them).
        refine_stage: off, the final mesh is the rough one.
        lr_feature: off, both hands share one convolution and branch; their embeddings tell them apart.
        lgblock: off, each hand's features are joined with a fully connected layer of themselves.
        local_unit: off, a fully connected layer joins the two hands' features.
        global_unit: off, a fully connected layer of the local features stands for the global ones.
        local_graph: the graph convolution of the local unit.
        literal_algorithm: LGFA as Algorithm 1 is written, without activation and normalization.
        centers: whether there is a second network beside it, which says where in a whole image to look.
        palms: whether there is a third one, which was trained on photographs, for the same and to judge by.
        loss_weights: the weights of the loss terms; Table III switches three of them off.
    """

    backbone: Backbone
    input_size: int
    channels: int
    refine_channels: int = 64
    joint_stage: bool = True
    mesh_stage: bool = True
    refine_stage: bool = True
    lr_feature: bool = True
    lgblock: bool = True
    local_unit: bool = True
    global_unit: bool = True
    local_graph: LocalGraph = LocalGraph.GIN
    literal_algorithm: bool = False
    centers: bool = False
    palms: bool = False
    loss_weights: LossWeights = field(default_factory=LossWeights)

    @classmethod
    def full(cls) -> LGNetConfig:
        """The paper's network: c = C/4."""
        return cls(Backbone.RESNET50, input_size=256, channels=512)

    @classmethod
    def light(cls) -> LGNetConfig:
        """The paper's Light: c = C/8."""
        return cls(Backbone.RESNET50, input_size=256, channels=256)

    @classmethod
    def nano(cls) -> LGNetConfig:
        """Ours, for a CPU: a small backbone that knows photographs of hands, about half of the pixels."""
        return cls(Backbone.EFFICIENTNET_LITE0, input_size=192, channels=128, refine_channels=32)

    @classmethod
    def preset(cls, name: str) -> LGNetConfig:
        """A variant by name.

        Raises:
            UserError: no such variant.
        """
        if name not in VARIANTS:
            raise UserError(f"LGNet has no variant '{name}'; there are {', '.join(VARIANTS)}")
        return getattr(cls, name)()

    def without(self, ablation: str) -> LGNetConfig:
        """This configuration with one row of Table III switched off.

        Raises:
            UserError: no such ablation.
        """
        if ablation not in _ABLATIONS:
            raise UserError(f"LGNet has no ablation '{ablation}'; there are {', '.join(ABLATIONS)}")
        changes = _ABLATIONS[ablation]
        if ablation.endswith("_loss"):
            changes = {"loss_weights": replace(self.loss_weights, **changes)}
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML; `from_dict` reads them back."""
        values = asdict(self)
        return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LGNetConfig:
        """The configuration that `as_dict` wrote.

        Raises:
            UserError: an entry is unknown, missing or of no known value.
        """
        unknown = set(values) - {entry.name for entry in fields(cls)}
        if unknown:
            raise UserError(f"LGNet configuration: unknown entry {', '.join(sorted(unknown))}")
        try:
            typed = {
                "backbone": Backbone(values["backbone"]),
                "local_graph": LocalGraph(values.get("local_graph", "gin")),
                "loss_weights": LossWeights(**values.get("loss_weights", {})),
            }
            return cls(**{**values, **typed})
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"LGNet configuration: {error}") from error


VARIANTS: tuple[str, ...] = ("full", "light", "nano")
