"""U-GAT-IT: translation between two domains learned without pairs, led by attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from gexbench.core.images import to_uint8
from gexbench.core.victim import Studio
from gexbench.nets.initialise import reset, seeded
from gexbench.nets.ugatit_discriminator import UGATITDiscriminator
from gexbench.nets.ugatit_generator import UGATITGenerator, UGATITGeneratorOptions, clip_rho
from gexbench.training.adversarial import cross_entropy, difference, least_squares
from gexbench.training.cycle import CycleOptions, CycleTraining
from gexbench.training.loop import TrainingContext, autocast, derived_seed, finished
from gexbench.training.unpaired import ROWS, Domains

STD = 0.02


@dataclass(frozen=True)
class UGATITOptions(CycleOptions):
    """The `[train]` table of a card: CycleOptions, whose crop must be the side of a full net, and these.

    weight_decay: of all four nets. identity_weight, cam_weight: of the identity and attention losses.
    discriminator_channels: width of their first layer; discriminator_layers: their depths, local and global.
    first_weights: "gaussian" as published, or "uniform", PyTorch's own. Raises ValueError on another start.
    """

    steps: int = 1_000_000
    lr: float = 1e-4
    weight_decay: float = 1e-4
    identity_weight: float = 10.0
    cam_weight: float = 1000.0
    discriminator_channels: int = 64
    discriminator_layers: Sequence[int] = (5, 7)
    first_weights: str = "gaussian"

    def __post_init__(self) -> None:
        if self.first_weights not in ("gaussian", "uniform"):
            raise ValueError(f"first_weights {self.first_weights!r} must be 'gaussian' or 'uniform'")


class UGATIT:
    """Make victims that translate photos into a style.

    Source: Kim, Kim, Kang and Lee 2020, "U-GAT-IT: Unsupervised Generative Attentional Networks with Adaptive
    Layer-Instance Normalization for Image-to-Image Translation" (arXiv 1907.10830), section 2 and appendix.
    """

    def build(self, options: Mapping[str, Any]) -> UGATITGenerator:
        """Return the untrained generator; options: the fields of UGATITGeneratorOptions."""
        return seeded(lambda: UGATITGenerator(UGATITGeneratorOptions(**options)), seed=0)

    def train(self, net: nn.Module, studio: Studio) -> nn.Module:
        """Train `net` to turn the owner's photos into the owner's style; options: the fields of UGATITOptions."""
        domains, options, context = Domains.of(studio), UGATITOptions(**studio.options), TrainingContext.of(studio)
        generators = {"style": cast(UGATITGenerator, net), "photo": self.build(studio.net)}
        UGATITTraining(generators, options, context).fit(domains)
        return finished(net)


class UGATITTraining(CycleTraining):
    """Least-squares losses at two scales, of patches and of the attention, which also learns to tell the domains apart.

    Source: section 2.2 of the paper.
    """

    name = "ugatit"

    def __init__(
        self, generators: Mapping[str, UGATITGenerator], options: UGATITOptions, context: TrainingContext
    ) -> None:
        judges = {aim: _judge(options, derived_seed(context.seed, f"judge {aim}")) for aim in generators}
        for aim, generator in generators.items():
            reset(generator, derived_seed(context.seed, f"generators {aim}"))
            if options.first_weights == "gaussian":
                _gaussian(generator, derived_seed(context.seed, f"generators {aim}"))
                _gaussian(judges[aim], derived_seed(context.seed, f"judges {aim}"))
        super().__init__(generators, judges, options, context, options.weight_decay)
        self._identity_weight, self._cam_weight = options.identity_weight, options.cam_weight
        self.makers.register_step_post_hook(self._clip)

    def shown(self, domains: Domains) -> Domains:
        """Return crops, because the full net takes no other size."""
        photos, style = domains.draw(self.options.crop, ROWS, self.context, number=0)
        return Domains(list(to_uint8(photos)), list(to_uint8(style)))

    def _clip(self, *step: object) -> None:
        for net in self.generators.values():
            clip_rho(net)

    def translated(self, aim: str, source: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the translated images, and the adversarial, the identity and the attention loss."""
        # one pass for both: the norms keep the images of a batch apart
        images, logits = cast(UGATITGenerator, self.generators[aim]).attended(torch.cat([source, target]))
        (made, same), (of_source, of_target) = images.chunk(2), logits.chunk(2)
        verdicts = [least_squares(part, real=True) for pair in self.judges[aim](made) for part in pair]
        told_apart = cross_entropy(of_source, real=True) + cross_entropy(of_target, real=False)
        return made, {
            "adversarial": torch.stack(verdicts).sum(),
            "identity": self._identity_weight * difference(same, target),
            "attention": self._cam_weight * told_apart,
        }

    def judge_loss(self, aim: str, real: Tensor, made: Tensor, number: int) -> Tensor:
        """Return the sum of the losses at both scales."""
        with autocast(self.context):
            verdicts = self.judges[aim](torch.cat([real, made]))
        halves = [part.chunk(2) for pair in verdicts for part in pair]
        return torch.stack([least_squares(a, real=True) + least_squares(b, real=False) for a, b in halves]).sum()


def _judge(options: UGATITOptions, seed: int) -> UGATITDiscriminator:
    return seeded(lambda: UGATITDiscriminator(options.discriminator_channels, options.discriminator_layers), seed)


def _gaussian(net: nn.Module, seed: int) -> None:
    """Draw the weights of convolutions and linear layers from N(0, 0.02), in place, biases 0, from `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in net.named_parameters():
        # under a spectral norm the weight itself is called original
        if name.endswith(("weight", "original")):
            nn.init.normal_(weight, 0.0, STD, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(weight)
