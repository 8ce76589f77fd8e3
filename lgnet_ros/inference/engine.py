"""`Engine`: weights, hand model and backend behind one call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.artefacts import Artefact, code_fingerprint
from lgnet_ros.inference.backends import Backend, chosen_backend, cpu_threads, make_torch_backend
from lgnet_ros.inference.lean import is_lean
from lgnet_ros.inference.manifest import choose
from lgnet_ros.inference.openvino_backend import SUFFIX, load_model, open_models
from lgnet_ros.inference.openvino_runner import OpenVinoBackend, has_bf16
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.inference.recovery import RecoveringBackend, is_out_of_memory, too_large
from lgnet_ros.inference.weights import WeightsInfo, load_network
from lgnet_ros.network import LGNet, LGNetConfig

_SEED = 0


class Engine:
    """Runs LGNet on batches of crops. Make one with `Engine.load`.

    input_size: S, the crops' width and height, px. has_centers, has_palms: whether it can answer `centers`,
    and `palms`. trained: False for a network that has only been initialized: its answers say nothing about
    hands. name: variant, weights and hand model. info: what the weights file says of itself.
    """

    def __init__(
        self,
        backend: Backend,
        config: LGNetConfig,
        hand_model: HandModel,
        name: str,
        info: WeightsInfo | None,
    ) -> None:
        self.backend = backend
        self.input_size = config.input_size
        self.has_centers, self.has_palms = config.centers, config.palms
        self.hand_model = hand_model
        self.name = name
        self.info = info

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        hand_model: HandModel | None = None,
        backend: str = "auto",
    ) -> Engine:
        """An engine; its first answers take longer than later ones.

        Args:
            weights: a .safetensors file, a name in the weights' manifest, or a variant (full, light, nano):
                its shipped weights, and where there are none, the network as initialized from a fixed seed.
                None: the manifest's default. Or a folder that `lgnet export --backend openvino` wrote.
            device: auto, cpu, cuda. precision: auto, fp32, bf16, fp16 (CUDA), int8 (OpenVINO, once exported).
                auto is, in OpenVINO, bf16 where the CPU has it, else int8 where it has been exported and
                loses next to nothing; elsewhere fp32.
            hand_model: what the weights were trained on; the shipped open hand by default.
            backend: auto, torch, openvino; auto is OpenVINO on a CPU where it is installed.

        Raises:
            UserError: weights missing, damaged, or of another network or hand model; no such device,
            precision or backend.
        """
        model = hand_model or HandModel.load()
        exported = weights is not None and Path(weights).suffix == SUFFIX
        if exported and backend == "auto":
            backend = "openvino"  # it runs nowhere else
        asked, (backend, device) = backend, chosen_backend(backend, device, precision)
        if exported:
            return cls._exported(Path(weights), backend, precision, model)
        network, name, info, path = load_choice(weights, model)
        if backend == "openvino" and asked == "auto" and precision != "int8" and not is_lean(network.config):
            backend = "torch"  # an ablation that is trained to be measured, not to be fast
        if backend == "openvino":
            models, precision = load_model(network, name, info, path, precision)
            runner: Backend = OpenVinoBackend(models, model, precision, cpu_threads())
        elif device == "cpu":
            runner = make_torch_backend(network, device, precision)
        else:
            runner = _on_cuda(weights, model, network, precision)
        return cls(runner, network.config, model, name, info)

    @classmethod
    def _exported(cls, folder: Path, backend: str, precision: str, hand_model: HandModel) -> Engine:
        if backend != "openvino":
            raise UserError(f"{folder}: runs on OpenVINO on a CPU, not on {backend}")
        models, artefact = open_models(folder)
        if artefact.hand_model_sha256 != hand_model.sha256:
            raise UserError(f"{folder}: foreign: made for another hand model than '{hand_model.name}'")
        if artefact.code != code_fingerprint():
            raise UserError(f"{folder}: stale: made by another version of lgnet_ros; export anew")
        config = LGNetConfig.from_dict(artefact.config)
        precision = _exported_precision(folder, artefact, precision)
        runner = OpenVinoBackend(models, hand_model, precision, cpu_threads())
        return cls(runner, config, hand_model, artefact.name, artefact.info)

    @property
    def trained(self) -> bool:
        """Whether the weights come from training."""
        return self.info is not None

    @property
    def restarts(self) -> int:
        """How often the device has failed and the backend was made anew or replaced."""
        return self.backend.restarts if isinstance(self.backend, RecoveringBackend) else 0

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> NetworkPrediction:
        """What the network sees in crops (N, S, S, 3) uint8 RGB of pinhole cameras with focal_px (N,).

        Raises:
            UserError: the network does not fit into memory.
        """
        size = self.input_size
        if crops.shape[1:] != (size, size, 3) or crops.dtype != np.uint8:
            raise ValueError(f"crops must be uint8 (N, {size}, {size}, 3), not {crops.dtype} {crops.shape}")
        try:
            output = self.backend.infer(crops, np.asarray(focal_px, dtype=np.float32))
        except (MemoryError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise too_large(self.name, error) from error
            raise
        presence = 1 / (1 + np.exp(-output.pop("presence_logits")))
        return NetworkPrediction(presence=presence, **output)

    def centers(self, image: np.ndarray) -> np.ndarray:
        """Where hands are in a whole image (288, 384, 3) uint8 RGB: maps (6, 18, 24) float32, see
        `lgnet_ros.network.hand_centers`; only if `has_centers`.
        """
        return self.backend.centers(image)

    def palms(self, image: np.ndarray) -> np.ndarray:
        """Where palms are in a whole image (192, 192, 3) uint8 RGB: guesses (2016, 6) float32, see
        `lgnet_ros.network.palms`; only if `has_palms`.
        """
        return self.backend.palms(image)


def load_choice(
    weights: str | Path | None, hand_model: HandModel
) -> tuple[LGNet, str, WeightsInfo | None, Path | None]:
    """The network that `weights` names (see `Engine.load`), its name, what its file says of itself, the file.

    Raises:
        UserError: as `Engine.load`.
    """
    choice = choose(weights)
    if choice.path is None:
        network, info, variant = _initialized(choice.variant, hand_model), None, choice.variant
    else:
        network, info = load_network(choice.path, hand_model)
        variant = info.variant
    return network, f"lgnet-{variant}/{choice.name}/{hand_model.name}", info, choice.path


def _on_cuda(
    weights: str | Path | None, hand_model: HandModel, network: LGNet, precision: str
) -> RecoveringBackend:
    """PyTorch on CUDA; after a failure from the file again, for what was on the device may be gone."""
    loaded = [network]

    def make() -> Backend:
        own = loaded.pop() if loaded else load_choice(weights, hand_model)[0]
        return make_torch_backend(own, "cuda", precision)

    def on_the_cpu() -> Backend:
        return Engine.load(weights, "cpu", "auto", hand_model).backend

    return RecoveringBackend(make, on_the_cpu)


def _exported_precision(folder: Path, artefact: Artefact, precision: str) -> str:
    """What an exported network is to run in when `precision` is asked for."""
    int8 = artefact.precision == "int8"
    if precision == "auto":
        return "int8" if int8 else "bf16" if has_bf16() else "fp32"
    if (precision == "int8") != int8:
        raise UserError(f"{folder}: made for {artefact.precision}, does not run in {precision}")
    return precision


def _initialized(variant: str, hand_model: HandModel) -> LGNet:
    """A variant as it starts training, the same every time; the caller's random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return LGNet(LGNetConfig.preset(variant), hand_model).eval()
