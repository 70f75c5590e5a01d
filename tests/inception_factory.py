"""The FID network of clean-fid (which is pytorch-fid's) with random weights, and those weights under our names."""

from __future__ import annotations

import warnings

import torch
import torchvision
from cleanfid import inception_pytorch as cleanfid
from torch import Tensor, nn

from gexbench.engine.scoring.clean_fid import torchvision_names


def names() -> dict[str, str]:
    """Return TensorFlow's name of each convolution by torchvision's."""
    return {theirs: ours for ours, theirs in torchvision_names().items()}


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
