"""CycleGAN: translation between two domains learned without pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gexbench.core.victim import Studio
from gexbench.nets.initialise import gaussian, seeded
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.training.adversarial import ImagePool, difference, least_squares
from gexbench.training.cycle import CycleOptions, CycleTraining
from gexbench.training.loop import Stateful, TrainingContext, autocast, derived_seed, finished, step_generator
from gexbench.training.unpaired import Domains

GENERATORS: Mapping[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "resnet": lambda numbers: ResNetGenerator(ResNetGeneratorOptions(**numbers)),
    "resunet": lambda numbers: ResUNet(ResUNetOptions(**numbers)),
}


@dataclass(frozen=True)
class CycleGANOptions(CycleOptions):
    """The `[train]` table of a card: CycleOptions and these.

    identity_weight: of the identity loss, in shares of cycle_weight. pool: images made earlier that the discriminators
    may see again. discriminator_channels: width of their first layer; discriminator_norm: see PatchGAN.
    """

    identity_weight: float = 0.5
    pool: int = 50
    discriminator_channels: int = 64
    discriminator_norm: str = "instance"


class CycleGAN:
    """Make victims that translate photos into a style.

    Source: Zhu, Park, Isola and Efros 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks" (arXiv 1703.10593), sections 3, 4 and 7.1; the identity loss is its section 5.2.
    """

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """Return the untrained generator.

        options: generator, "resnet" as published or "resunet"; and the fields of the one's options,
        ResNetGeneratorOptions or ResUNetOptions. Raises ValueError on another generator.
        """
        numbers = dict(options)
        kind = numbers.pop("generator", "resnet")
        if kind not in GENERATORS:
            raise ValueError(f"generator {kind!r} must be one of {', '.join(GENERATORS)}")
        return seeded(lambda: GENERATORS[kind](numbers), seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train `net` to turn the owner's photos into the owner's style; options: the fields of CycleGANOptions."""
        domains, options, context = Domains.of(studio), CycleGANOptions(**studio.options), TrainingContext.of(studio)
        CycleGANTraining(net, self.build(studio.net), options, context).fit(domains)
        return finished(net)


class CycleGANTraining(CycleTraining):
    """Least-squares losses of patches; discriminators see images that were made earlier."""

    name = "cyclegan"

    def __init__(
        self, to_style: nn.Module, to_photo: nn.Module, options: CycleGANOptions, context: TrainingContext
    ) -> None:
        width, norm = options.discriminator_channels, options.discriminator_norm
        generators = {"style": to_style, "photo": to_photo}
        judges = {aim: seeded(lambda: PatchGAN(channels=width, norm=norm), context.seed) for aim in generators}
        for role, nets in (("generators", generators), ("judges", judges)):
            for aim, net in nets.items():
                gaussian(net, derived_seed(context.seed, f"{role} {aim}"))
        super().__init__(generators, judges, options, context)
        self._identity_weight = options.cycle_weight * options.identity_weight
        self._pools = {aim: ImagePool(options.pool) for aim in generators}

    def beside(self) -> Mapping[str, Stateful]:
        """Return the pools of images made earlier."""
        return {f"pool {aim}": pool for aim, pool in self._pools.items()}

    def translated(self, aim: str, source: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the translated images, and the adversarial and the identity loss."""
        # one pass for both: instance norm keeps the images of a batch apart
        made, same = self.generators[aim](torch.cat([source, target])).chunk(2)
        return made, {
            "adversarial": least_squares(self.judges[aim](made), real=True),
            "identity": self._identity_weight * difference(same, target),
        }

    def judge_loss(self, aim: str, real: Tensor, made: Tensor, number: int) -> Tensor:
        """Return the mean of the losses on real images and on the pool's."""
        shown = self._pools[aim].exchange(made, step_generator(self.context.seed, f"pool {aim}", number))
        with autocast(self.context):
            truth, lie = self.judges[aim](torch.cat([real, shown])).chunk(2)
        return (least_squares(truth, real=True) + least_squares(lie, real=False)) / 2.0
