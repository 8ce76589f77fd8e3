"""`Engine`: weights, hand model and backend behind one call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.backends import Backend, make_backend
from lgnet_ros.inference.manifest import choose
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.inference.weights import WeightsInfo, load_network
from lgnet_ros.network import LGNet, LGNetConfig

_SEED = 0


class Engine:
    """Runs LGNet on batches of crops. Make one with `Engine.load`.

    input_size: S, the crops' width and height, px. trained: False for a network that has only been
    initialized: its answers say nothing about hands. name: variant, weights and hand model. info: what the
    weights file says of itself.
    """

    def __init__(self, backend: Backend, network: LGNet, name: str, info: WeightsInfo | None) -> None:
        self.backend = backend
        self.input_size = network.config.input_size
        self.hand_model = network.hand_model
        self.name = name
        self.info = info

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        hand_model: HandModel | None = None,
    ) -> Engine:
        """An engine, ready but for `warm_up`.

        Args:
            weights: a .safetensors file, a name in the weights' manifest, or a variant (full, light, nano):
                its shipped weights, and where there are none, the network as initialized from a fixed seed.
                None: the manifest's default.
            device: auto, cpu, cuda. precision: auto, fp32, bf16.
            hand_model: what the weights were trained on; the shipped open hand by default.

        Raises:
            UserError: weights missing, damaged, or of another network or hand model; no such device or
            precision.
        """
        model = hand_model or HandModel.load()
        choice = choose(weights)
        if choice.path is None:
            network, info, variant = _initialized(choice.variant, model), None, choice.variant
        else:
            network, info = load_network(choice.path, model)
            variant = info.variant
        backend = make_backend(network, device, precision)
        return cls(backend, network, f"lgnet-{variant}/{choice.name}/{model.name}", info)

    @property
    def trained(self) -> bool:
        """Whether the weights come from training."""
        return self.info is not None

    def warm_up(self, batch_sizes: tuple[int, ...] = (1,)) -> None:
        """Run once per batch size, so that no frame waits for memory or kernels."""
        for count in batch_sizes:
            crops = np.zeros((count, self.input_size, self.input_size, 3), dtype=np.uint8)
            self.infer(crops, np.full(count, self.input_size, dtype=np.float32))

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> NetworkPrediction:
        """What the network sees in crops (N, S, S, 3) uint8 RGB of pinhole cameras with focal_px (N,)."""
        size = self.input_size
        if crops.shape[1:] != (size, size, 3) or crops.dtype != np.uint8:
            raise ValueError(f"crops must be uint8 (N, {size}, {size}, 3), not {crops.dtype} {crops.shape}")
        output = self.backend.infer(crops, np.asarray(focal_px, dtype=np.float32))
        presence = 1 / (1 + np.exp(-output.pop("presence_logits")))
        return NetworkPrediction(presence=presence, **output)


def _initialized(variant: str, hand_model: HandModel) -> LGNet:
    """A variant as it starts training, the same every time; the caller's random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return LGNet(LGNetConfig.preset(variant), hand_model).eval()
