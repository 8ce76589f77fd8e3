"""ResNets: torchvision's names and sizes, and ImageNet weights by path."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lgnet_ros.errors import UserError
from lgnet_ros.network import Backbone
from lgnet_ros.network.backbone import ResNet
from lgnet_ros.network.pretrained import load_imagenet


def torchvision_like(backbone: Backbone) -> dict[str, Tensor]:
    """A state dict as torchvision distributes it: random numbers, and a classifier that we lack."""
    state = {
        name: torch.rand(value.shape).to(value.dtype) for name, value in ResNet(backbone).state_dict().items()
    }
    return {**state, "fc.weight": torch.rand(1000, 8), "fc.bias": torch.rand(1000)}


@pytest.mark.parametrize(
    "backbone, size, widths, resolutions",
    [
        (Backbone.RESNET50, 256, (64, 256, 2048), (128, 64, 8)),
        (Backbone.RESNET18, 128, (64, 64, 512), (64, 32, 8)),
        (Backbone.RESNET18_HALF, 128, (32, 32, 256), (64, 32, 8)),
    ],
)
def test_the_three_maps_have_the_sizes_of_the_design(
    backbone: Backbone, size: int, widths: tuple[int, ...], resolutions: tuple[int, ...]
) -> None:
    resnet = ResNet(backbone).eval()
    with torch.no_grad():
        maps = resnet(torch.randn(1, 3, size, size))
    assert resnet.channels == widths
    assert [tuple(part.shape[1:]) for part in maps] == [
        (w, r, r) for w, r in zip(widths, resolutions, strict=True)
    ]


@pytest.mark.parametrize(
    "backbone, parameters, entries",
    [(Backbone.RESNET50, 23_508_032, 318), (Backbone.RESNET18, 11_176_512, 120)],
)
def test_sizes_are_torchvisions_without_the_classifier(
    backbone: Backbone, parameters: int, entries: int
) -> None:
    resnet = ResNet(backbone)
    assert sum(p.numel() for p in resnet.parameters()) == parameters
    assert len(resnet.state_dict()) == entries


def test_state_dict_names_are_torchvisions() -> None:
    state = ResNet(Backbone.RESNET50).state_dict()
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
    strides = [ResNet(Backbone.RESNET50).get_submodule(f"layer{k}.0.conv2").stride[0] for k in (1, 2, 3, 4)]
    assert strides == [1, 2, 2, 2]  # v1.5: on the 3×3 convolution


def test_a_block_is_its_equation() -> None:
    block = ResNet(Backbone.RESNET18_HALF).layer2[0].eval()
    x = torch.randn(2, 32, 16, 16)

    def normed(norm: nn.BatchNorm2d, y: Tensor) -> Tensor:
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return (y - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]

    residual = normed(block.bn2, block.conv2(normed(block.bn1, block.conv1(x)).clamp(min=0)))
    shortcut = normed(block.downsample[1], block.downsample[0](x))
    torch.testing.assert_close(block(x), (residual + shortcut).clamp(min=0), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_load_and_the_classifier_is_named_as_left_out(tmp_path: Path, suffix: str) -> None:
    source, path = torchvision_like(Backbone.RESNET18), tmp_path / f"resnet18{suffix}"
    save_file(source, path) if suffix == ".safetensors" else torch.save(source, path)
    resnet = ResNet(Backbone.RESNET18)
    line = load_imagenet(resnet, path)
    assert line == f"{path}: 120 of 120 backbone tensors loaded; not in the backbone: fc.bias, fc.weight"
    for name, value in resnet.state_dict().items():
        torch.testing.assert_close(value, source[name])


def test_what_does_not_match_is_one_line_with_names(tmp_path: Path) -> None:
    source = torchvision_like(Backbone.RESNET18)
    source["conv1.weight"] = torch.rand(64, 1, 7, 7)
    del source["bn1.bias"]
    torch.save(source, tmp_path / "other.pth")
    resnet = ResNet(Backbone.RESNET18)
    before = resnet.conv1.weight.clone()
    line = load_imagenet(resnet, tmp_path / "other.pth")
    assert (
        "118 of 120 backbone tensors loaded; not in the file: bn1.bias; of another shape: conv1.weight"
        in line
    )
    assert "\n" not in line
    torch.testing.assert_close(resnet.conv1.weight, before)


def test_a_resnet_of_another_width_is_refused(tmp_path: Path) -> None:
    torch.save({"layer9.weight": torch.rand(3)}, tmp_path / "strange.pth")
    with pytest.raises(UserError, match="none of its 1 tensors fits"):
        load_imagenet(ResNet(Backbone.RESNET18_HALF), tmp_path / "strange.pth")


def test_files_that_are_no_state_dict_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "code.pth")  # a pickled object: would run code
    (tmp_path / "noise.safetensors").write_bytes(b"not tensors")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("missing.pth", "code.pth", "noise.safetensors", "list.pth"):
        with pytest.raises(UserError, match=name) as caught:
            load_imagenet(ResNet(Backbone.RESNET18_HALF), tmp_path / name)
        assert "\n" not in str(caught.value)
