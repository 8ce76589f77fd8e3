"""Backbones: published names and sizes, the equation of a block, and ImageNet weights by path."""

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
from lgnet_ros.network.pretrained import load_imagenet


def torchvision_like() -> dict[str, Tensor]:
    """A state dict as torchvision distributes it: random numbers, and a classifier that we lack."""
    state = {
        name: torch.rand(value.shape).to(value.dtype) for name, value in ResNet50().state_dict().items()
    }
    return {**state, "fc.weight": torch.rand(1000, 8), "fc.bias": torch.rand(1000)}


def published_lite0() -> dict[str, Tensor]:
    """A state dict of random numbers in the names in which EfficientNet-Lite0 is published."""
    layers = {
        "expand": "_expand_conv", "expand_norm": "_bn0", "depthwise": "_depthwise_conv",
        "depthwise_norm": "_bn1", "project": "_project_conv", "project_norm": "_bn2",
    }  # fmt: skip
    state, block, last = {}, -1, ""
    for name, value in EfficientNetLite0().state_dict().items():
        parts = name.split(".")
        if parts[0] == "fused":  # ours alone
            continue
        if parts[0] == "stages":
            block += ".".join(parts[1:3]) != last
            last = ".".join(parts[1:3])
            name = f"_blocks.{block}.{layers[parts[3]]}.{parts[4]}"
        else:
            name = f"{ {'stem': '_conv_stem', 'stem_norm': '_bn0'}[parts[0]] }.{parts[1]}"
        state[name] = torch.rand(value.shape).to(value.dtype)
    return {**state, "_fc.bias": torch.rand(1000)}


@pytest.mark.parametrize(
    "backbone, size, widths, resolutions",
    [
        (ResNet50, 256, (64, 256, 2048), (128, 64, 8)),
        (EfficientNetLite0, 128, (32, 24, 160), (64, 32, 8)),
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


# Published, less the classifiers and Lite0's last convolution (1280 · 320 and its norm's 2 · 1280).
@pytest.mark.parametrize(
    "backbone, parameters, entries",
    [(ResNet50, 25_557_032 - 2_049_000, 318), (EfficientNetLite0, 4_652_008 - 412_160 - 1_281_000, 288)],
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


def test_published_weights_of_lite0_see_the_same_colors() -> None:
    source = published_lite0()
    state = EfficientNetLite0.from_published(source)
    backbone = EfficientNetLite0()
    published = {name: state[name] for name in backbone.state_dict() if not name.startswith("fused.")}
    backbone.load_state_dict(published, strict=False)
    images = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    ours = normed(backbone.stem_norm, backbone.stem(normalize(images)))

    as_trained = (images.permute(0, 3, 1, 2).float() - 127) / 128
    mean, var = (source[f"_bn0.running_{name}"][:, None, None] for name in ("mean", "var"))
    scale = source["_bn0.weight"][:, None, None] / (var + 1e-3).sqrt()
    theirs = F.conv2d(as_trained, source["_conv_stem.weight"], stride=2, padding=1)
    theirs = (theirs - mean) * scale + source["_bn0.bias"][:, None, None]
    # Beyond the border lies another grey.
    torch.testing.assert_close(ours[..., 1:, 1:], theirs[..., 1:, 1:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        backbone.stages[6][0].project.weight, source["_blocks.15._project_conv.weight"]
    )


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_load_and_the_classifier_is_named_as_left_out(tmp_path: Path, suffix: str) -> None:
    source, path = torchvision_like(), tmp_path / f"resnet50{suffix}"
    save_file(source, path) if suffix == ".safetensors" else torch.save(source, path)
    resnet = ResNet50()
    line = load_imagenet(resnet, path)
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
    line = load_imagenet(resnet, tmp_path / "other.pth")
    assert (
        "316 of 318 backbone tensors loaded; not in the file: bn1.bias; of another shape: conv1.weight"
        in line
    )
    assert "\n" not in line
    torch.testing.assert_close(resnet.conv1.weight, before)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    torch.save({"layer9.weight": torch.rand(3)}, tmp_path / "strange.pth")
    with pytest.raises(UserError, match="none of its 1 tensors fits"):
        load_imagenet(EfficientNetLite0(), tmp_path / "strange.pth")


def test_files_that_are_no_state_dict_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "code.pth")  # a pickled object: would run code
    (tmp_path / "noise.safetensors").write_bytes(b"not tensors")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("missing.pth", "code.pth", "noise.safetensors", "list.pth"):
        with pytest.raises(UserError, match=name) as caught:
            load_imagenet(EfficientNetLite0(), tmp_path / name)
        assert "\n" not in str(caught.value)
