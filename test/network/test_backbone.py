"""Backbones: published names and sizes, the equation of a block, and published weights by path."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from lgnet_ros.errors import UserError
from lgnet_ros.network.backbone import ResNet50
from lgnet_ros.network.efficientnet import EfficientNetLite0
from lgnet_ros.network.normalize import normalize
from lgnet_ros.network.pretrained import load_published


def torchvision_like() -> dict[str, Tensor]:
    """A state dict as torchvision distributes it: random numbers, and a classifier that we lack."""
    state = {name: torch.rand(value.shape).to(value.dtype) for name, value in ResNet50().state_dict().items()}
    return {**state, "fc.weight": torch.rand(1000, 8), "fc.bias": torch.rand(1000)}


def published_hand_landmarks() -> dict[str, Tensor]:
    """Random convolutions as MediaPipe's hand landmark network has them, without those of our layers."""
    convolutions = [part for part in EfficientNetLite0().modules() if isinstance(part, nn.Conv2d)]
    sizes = [part.weight.shape for part in convolutions]
    state = {}
    for order, size in enumerate(sizes[:47]):
        state[f"{order}.weight"], state[f"{order}.bias"] = torch.randn(size), torch.randn(size[0])
    return state


@pytest.mark.parametrize(
    "backbone, size, widths, resolutions",
    [
        (ResNet50, 256, (64, 256, 2048), (128, 64, 8)),
        (EfficientNetLite0, 128, (24, 24, 160), (64, 32, 8)),
        (EfficientNetLite0, 192, (24, 24, 160), (96, 48, 8)),
    ],
)
def test_the_three_maps_have_the_sizes_of_the_design(
    backbone: type, size: int, widths: tuple[int, ...], resolutions: tuple[int, ...]
) -> None:
    seeing = backbone().eval()
    with torch.no_grad():
        maps = seeing(torch.randn(1, 3, size, size))
    assert seeing.channels == widths
    assert [tuple(part.shape[1:]) for part in maps] == [
        (w, r, r) for w, r in zip(widths, resolutions, strict=True)
    ]


# Published, less the classifiers and Lite0's last convolution (1280 · 320 and its norm's 2 · 1280), and what
# MediaPipe saves: 8 channels of the stem (27 + 9 + 16 weights each, and two norms') and 32 of an expansion
# (16 + 9 + 24, and two norms').
_SAVED = 8 * (27 + 9 + 16 + 4) + 32 * (16 + 9 + 24 + 4)


@pytest.mark.parametrize(
    "backbone, parameters, entries",
    [
        (ResNet50, 25_557_032 - 2_049_000, 318),
        (EfficientNetLite0, 4_652_008 - 412_160 - 1_281_000 - _SAVED, 288),
    ],
)
def test_sizes_are_the_published_ones_without_the_classifier(
    backbone: type, parameters: int, entries: int
) -> None:
    seeing = backbone()
    if backbone is EfficientNetLite0:
        del seeing.fused  # ours alone
    assert sum(p.numel() for p in seeing.parameters()) == parameters
    assert len(seeing.state_dict()) == entries


def test_state_dict_names_are_torchvisions() -> None:
    state = ResNet50().state_dict()
    shapes = {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer2.0.conv2.weight": (128, 128, 3, 3),
        "layer3.5.bn3.num_batches_tracked": (),
        "layer4.0.downsample.1.bias": (2048,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    strides = [ResNet50().get_submodule(f"layer{k}.0.conv2").stride[0] for k in (1, 2, 3, 4)]
    assert strides == [1, 2, 2, 2]  # v1.5: on the 3×3 convolution


def normed(norm: nn.BatchNorm2d, y: Tensor) -> Tensor:
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (y - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]


def test_a_bottleneck_is_its_equation() -> None:
    block = ResNet50().layer2[0].eval()
    x = torch.randn(2, 256, 16, 16)
    residual = normed(block.bn1, block.conv1(x)).clamp(min=0)
    residual = normed(block.bn3, block.conv3(normed(block.bn2, block.conv2(residual)).clamp(min=0)))
    shortcut = normed(block.downsample[1], block.downsample[0](x))
    torch.testing.assert_close(block(x), (residual + shortcut).clamp(min=0), atol=1e-5, rtol=1e-4)


def test_an_inverted_residual_is_its_equation() -> None:
    block = EfficientNetLite0().stages[1][1].eval()  # 24 to 144 to 24 channels
    x = torch.randn(2, 24, 16, 16)
    wide = normed(block.expand_norm, block.expand(x)).clamp(0, 6)
    alone = [F.conv2d(wide[:, c : c + 1], block.depthwise.weight[c : c + 1], padding=1) for c in range(144)]
    wide = normed(block.depthwise_norm, torch.cat(alone, 1)).clamp(0, 6)
    torch.testing.assert_close(
        block(x), x + normed(block.project_norm, block.project(wide)), atol=1e-5, rtol=1e-4
    )


def test_first_stages_that_stay_as_they_are_see_the_same_beside_others_that_learn() -> None:
    torch.manual_seed(5)
    seeing = EfficientNetLite0().eval()
    fixed = nn.ModuleList([seeing.stem, seeing.stem_norm, *seeing.stages[:3]]).requires_grad_(False)
    images = torch.randn(11, 3, 64, 64)
    with torch.no_grad():
        alone = seeing(images)
    beside = seeing(images)
    torch.testing.assert_close(tuple(beside), tuple(alone), atol=1e-5, rtol=1e-5)
    beside.last.sum().backward()
    assert all(parameter.grad is None for parameter in fixed.parameters())
    assert all(parameter.grad.abs().max() > 0 for parameter in seeing.stages[3].parameters())


def test_published_weights_of_hand_landmarks_see_the_same_colors_and_compute_the_same() -> None:
    source = published_hand_landmarks()
    backbone = EfficientNetLite0().eval()
    state = backbone.from_published(source)
    backbone.load_state_dict(state, strict=False)
    images = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    as_trained = images.permute(0, 3, 1, 2).float() / 255
    ours = backbone.stem_norm(backbone.stem(normalize(images)))
    theirs = F.conv2d(as_trained, source["0.weight"], source["0.bias"], stride=2, padding=1)
    # Beyond the border lies another grey.
    torch.testing.assert_close(ours[..., 1:, 1:], theirs[..., 1:, 1:], atol=1e-4, rtol=1e-4)

    x = torch.rand(2, 24, 8, 8)  # the second block of the second stage: three convolutions and a shortcut
    wide = F.relu6(F.conv2d(x, source["6.weight"], source["6.bias"]))
    wide = F.relu6(F.conv2d(wide, source["7.weight"], source["7.bias"], padding=1, groups=144))
    expected = x + F.conv2d(wide, source["8.weight"], source["8.bias"])
    torch.testing.assert_close(backbone.stages[1][1](x), expected, atol=1e-3, rtol=1e-4)


def test_published_weights_are_brought_to_the_size_of_fresh_ones() -> None:
    state = EfficientNetLite0().from_published(published_hand_landmarks())
    for name, fan_in in (("stem", 27), ("stages.1.1.expand", 24), ("stages.5.3.depthwise", 25)):
        size = state[f"{name}.weight"].square().mean().sqrt().item()
        assert size == pytest.approx((2 / fan_in) ** 0.5, rel=1e-4)


def test_mediapipes_file_is_read_and_what_it_lacks_is_named() -> None:
    mediapipe = pytest.importorskip("mediapipe")
    pytest.importorskip("openvino")
    path = Path(mediapipe.__file__).parent / "modules/hand_landmark/hand_landmark_full.tflite"
    backbone = EfficientNetLite0()
    line = load_published(backbone, path)
    assert "235 of 330 backbone tensors loaded" in line and "fused.0.weight" in line
    # Its first convolution sees edges: each kernel's weights nearly cancel out.
    kernels = backbone.stem.weight
    assert kernels.sum((1, 2, 3)).abs().median() < 0.5 * kernels.abs().sum((1, 2, 3)).median()


def test_something_else_than_a_network_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "noise.tflite").write_bytes(b"not a network")
    with pytest.raises(UserError, match="noise.tflite: not a TensorFlow Lite network") as caught:
        load_published(EfficientNetLite0(), tmp_path / "noise.tflite")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_load_and_the_classifier_is_named_as_left_out(tmp_path: Path, suffix: str) -> None:
    source, path = torchvision_like(), tmp_path / f"resnet50{suffix}"
    save_file(source, path) if suffix == ".safetensors" else torch.save(source, path)
    resnet = ResNet50()
    line = load_published(resnet, path)
    assert line == f"{path}: 318 of 318 backbone tensors loaded; not in the backbone: fc.bias, fc.weight"
    for name, value in resnet.state_dict().items():
        torch.testing.assert_close(value, source[name])


def test_what_does_not_match_is_one_line_with_names(tmp_path: Path) -> None:
    source = torchvision_like()
    source["conv1.weight"] = torch.rand(64, 1, 7, 7)
    del source["bn1.bias"]
    torch.save(source, tmp_path / "other.pth")
    resnet = ResNet50()
    before = resnet.conv1.weight.clone()
    line = load_published(resnet, tmp_path / "other.pth")
    assert (
        "316 of 318 backbone tensors loaded; not in the file: bn1.bias; of another shape: conv1.weight"
        in line
    )
    assert "\n" not in line
    torch.testing.assert_close(resnet.conv1.weight, before)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    torch.save({"layer9.weight": torch.rand(3)}, tmp_path / "strange.pth")
    with pytest.raises(UserError, match="none of its 1 tensors fits"):
        load_published(EfficientNetLite0(), tmp_path / "strange.pth")


def test_files_that_are_no_state_dict_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "code.pth")  # a pickled object: would run code
    (tmp_path / "noise.safetensors").write_bytes(b"not tensors")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("missing.pth", "code.pth", "noise.safetensors", "list.pth"):
        with pytest.raises(UserError, match=name) as caught:
            load_published(EfficientNetLite0(), tmp_path / name)
        assert "\n" not in str(caught.value)
