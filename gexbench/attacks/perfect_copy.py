"""The two yardsticks of a copy: the victim's own network, and the same with a change that nobody sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.jpeg import recompressed
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.nets.ugatit_generator import UGATITGenerator, UGATITGeneratorOptions

NETWORKS: Mapping[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "ResNetGenerator": lambda numbers: ResNetGenerator(ResNetGeneratorOptions(**numbers)),
    "ResUNet": lambda numbers: ResUNet(ResUNetOptions(**numbers)),
    "SRResNet": lambda numbers: SRResNet(SRResNetOptions(**numbers)),
    "UGATITGenerator": lambda numbers: UGATITGenerator(UGATITGeneratorOptions(**numbers)),
}
"""By the name of its class, what makes the network of a service that answers images with images."""


class PerfectCopy:
    """Return the victim's own network.

    Source: a control of this benchmark. Of a service that draws, the copy draws from latents of its own: what B is then
    is what two draws of one network give, the least that a copy can reach.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query nothing; raises PlanError without the weights."""
        return _generator(brief)


class CopyAsJpeg:
    """Return the victim's own network, each of its answers sent through JPEG.

    Source: a control of this benchmark. A metric that is far from 0 here punishes what no eye sees.
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query nothing; option: quality, Pillow's. Raises PlanError without the weights, or for an unknown network."""
        net = _generator(brief)
        kind = type(net).__name__
        if kind not in NETWORKS:
            raise PlanError(
                f"copy-as-jpeg cannot build a {kind} anew", f"name a victim that is one of {', '.join(NETWORKS)}"
            )
        config: Any = net.config
        made = AnsweringJpeg(kind, asdict(config["options"]), brief.options["quality"])
        made.net.load_state_dict(net.state_dict())
        return made


class AnsweringJpeg(nn.Module):
    """A network whose answers go through JPEG: (N,3,h,w) to (N,3,s*h,s*w), float32 RGB in [0,1].

    network: one of NETWORKS; numbers: the fields of its options; quality: Pillow's.
    """

    def __init__(self, network: str, numbers: Mapping[str, Any], quality: int) -> None:
        super().__init__()
        self.config = {"network": network, "numbers": dict(numbers), "quality": quality}
        self.net, self.quality = NETWORKS[network](numbers), quality

    def forward(self, x: Tensor) -> Tensor:
        """Return the images after JPEG, each clamped and on its own; no gradients pass."""
        y = self.net(x)
        return torch.stack([recompressed(image, self.quality) for image in y.detach()]).to(y)


def _generator(brief: Brief) -> nn.Module:
    if brief.victim is None:
        raise PlanError("a perfect copy needs the victim's weights", "grant the knowledge 'weights'")
    return brief.victim.generator if isinstance(brief.victim, LatentGAN) else brief.victim
