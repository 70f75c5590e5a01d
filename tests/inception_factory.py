"""The FID network of clean-fid (which is pytorch-fid's) with random weights, and those weights under our names."""

from __future__ import annotations

import warnings

import torch
import torchvision
from cleanfid import inception_pytorch as cleanfid
from torch import Tensor, nn

_STEM = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
_A = {
    "branch1x1": "conv",
    "branch5x5_1": "tower.conv",
    "branch5x5_2": "tower.conv_1",
    "branch3x3dbl_1": "tower_1.conv",
    "branch3x3dbl_2": "tower_1.conv_1",
    "branch3x3dbl_3": "tower_1.conv_2",
    "branch_pool": "tower_2.conv",
}
_B = {
    "branch3x3": "conv",
    "branch3x3dbl_1": "tower.conv",
    "branch3x3dbl_2": "tower.conv_1",
    "branch3x3dbl_3": "tower.conv_2",
}
_C = {
    "branch1x1": "conv",
    "branch7x7_1": "tower.conv",
    "branch7x7_2": "tower.conv_1",
    "branch7x7_3": "tower.conv_2",
    "branch7x7dbl_1": "tower_1.conv",
    "branch7x7dbl_2": "tower_1.conv_1",
    "branch7x7dbl_3": "tower_1.conv_2",
    "branch7x7dbl_4": "tower_1.conv_3",
    "branch7x7dbl_5": "tower_1.conv_4",
    "branch_pool": "tower_2.conv",
}
_D = {
    "branch3x3_1": "tower.conv",
    "branch3x3_2": "tower.conv_1",
    "branch7x7x3_1": "tower_1.conv",
    "branch7x7x3_2": "tower_1.conv_1",
    "branch7x7x3_3": "tower_1.conv_2",
    "branch7x7x3_4": "tower_1.conv_3",
}
_E = {
    "branch1x1": "conv",
    "branch3x3_1": "tower_conv",
    "branch3x3_2a": "tower_mixed_conv",
    "branch3x3_2b": "tower_mixed_conv_1",
    "branch3x3dbl_1": "tower_1_conv",
    "branch3x3dbl_2": "tower_1_conv_1",
    "branch3x3dbl_3a": "tower_1_mixed_conv",
    "branch3x3dbl_3b": "tower_1_mixed_conv_1",
    "branch_pool": "tower_2_conv",
}
_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
_BRANCHES = (_A, _A, _A, _B, _C, _C, _C, _C, _D, _E, _E)


def names() -> dict[str, str]:
    """Return TensorFlow's name of each convolution by torchvision's."""
    stem = {f"Conv2d_{part}": f"conv_{index}" if index else "conv" for index, part in enumerate(_STEM)}
    blocks = {
        f"Mixed_{block}.{theirs}": f"mixed_{index}.{ours}" if index else f"mixed.{ours}"
        for index, (block, branches) in enumerate(zip(_BLOCKS, _BRANCHES, strict=True))
        for theirs, ours in branches.items()
    }
    return stem | blocks


def fid_inception_v3() -> nn.Module:
    """Return what clean-fid's function of this name builds, without its download."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = torchvision.models.inception_v3(
            weights=None, aux_logits=False, init_weights=False, num_classes=1008, transform_input=False
        )
    net.Mixed_5b = cleanfid.FIDInceptionA(192, pool_features=32)
    net.Mixed_5c = cleanfid.FIDInceptionA(256, pool_features=64)
    net.Mixed_5d = cleanfid.FIDInceptionA(288, pool_features=64)
    net.Mixed_6b = cleanfid.FIDInceptionC(768, channels_7x7=128)
    net.Mixed_6c = cleanfid.FIDInceptionC(768, channels_7x7=160)
    net.Mixed_6d = cleanfid.FIDInceptionC(768, channels_7x7=160)
    net.Mixed_6e = cleanfid.FIDInceptionC(768, channels_7x7=192)
    net.Mixed_7b = cleanfid.FIDInceptionE_1(1280)
    net.Mixed_7c = cleanfid.FIDInceptionE_2(2048)
    return net


def randomise(net: nn.Module) -> None:
    """Give each convolution weights that keep activations at one size, and each normalisation random statistics."""
    generator = torch.Generator().manual_seed(3)

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, nn.Conv2d):
                part.weight.copy_(normal(part.weight) * (2.0 / part.weight[0].numel()) ** 0.5)
            elif isinstance(part, nn.BatchNorm2d):
                part.weight.fill_(1.0)
                part.bias.copy_(normal(part.bias) * 0.3)
                part.running_mean.copy_(normal(part.running_mean) * 0.3)
                part.running_var.copy_(torch.rand(part.running_var.shape, generator=generator) + 0.5)


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    """Return their weights under the names of the asset."""
    found = {}
    for theirs, ours in names().items():
        part = net.get_submodule(theirs)
        tensors = (part.conv.weight, part.bn.bias, part.bn.running_mean, part.bn.running_var)
        for name, tensor in zip(("weight", "beta", "mean", "var"), tensors, strict=True):
            found[f"net.layers.{ours}.{name}"] = tensor.detach().clone()
    return found


def random_network() -> nn.Module:
    """Return the network with random weights; the generator of torch stays as it is."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = fid_inception_v3()
        randomise(net)
    return net.eval()
