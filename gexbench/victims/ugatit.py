"""U-GAT-IT: translation between two domains learned without pairs, led by attention."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from gexbench.core.images import to_uint8
from gexbench.core.victim import Studio
from gexbench.nets.initialise import reset, seeded
from gexbench.nets.ugatit_discriminator import UGATITDiscriminator
from gexbench.nets.ugatit_generator import UGATITGenerator, UGATITGeneratorOptions, clip_rho
from gexbench.training.adversarial import adam, cross_entropy, difference, follow, frozen, least_squares, linear_rate
from gexbench.training.loop import Loop, Place, Stateful, autocast, derived_seed, descend, run_steps, set_rate
from gexbench.training.super_resolution import finished
from gexbench.training.unpaired import ROWS, Domains, Sheets

STD = 0.02


@dataclass(frozen=True)
class UGATITOptions:
    """The `[train]` table of a card.

    crop: side of the crops in pixels; the full net takes only its own side. lr: of Adam, constant for the first half of
    the steps, then down a line to 0. weight_decay: of all four nets. cycle_weight, identity_weight, cam_weight: of the
    cycle, identity and attention losses beside the adversarial one. discriminator_channels: width of their first layer;
    discriminator_layers: their depths, local and global. average: the share of itself that the mean over the
    generator's past weights keeps at each step; that mean is what is kept at the end, with 0, as published, the last
    weights. first_weights: "gaussian" as published, or "uniform", PyTorch's own. Raises ValueError on another start.
    """

    crop: int = 256
    batch: int = 1
    steps: int = 1_000_000
    lr: float = 1e-4
    weight_decay: float = 1e-4
    cycle_weight: float = 10.0
    identity_weight: float = 10.0
    cam_weight: float = 1000.0
    discriminator_channels: int = 64
    discriminator_layers: Sequence[int] = (5, 7)
    average: float = 0.0
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
        domains, options, place = Domains.of(studio), UGATITOptions(**studio.options), Place.of(studio)
        generators = {"style": cast(UGATITGenerator, net), "photo": self.build(studio.net)}
        AttendedCycle(generators, options, place).fit(domains)
        return finished(net)


class AttendedCycle:
    """Two generators by their aim, "style" and "photo", a judge of two depths for each, and how they are trained."""

    def __init__(self, generators: Mapping[str, UGATITGenerator], options: UGATITOptions, place: Place) -> None:
        self.options, self.place, self.generators = options, place, generators
        self.judges = {aim: _judge(options, derived_seed(place.seed, f"judge {aim}")) for aim in generators}
        self._nets: dict[str, nn.Module] = {f"judges {aim}": net for aim, net in self.judges.items()}
        for aim, generator in generators.items():
            reset(generator, derived_seed(place.seed, f"generators {aim}"))
            self._nets[f"generators {aim}"] = generator
        for name, net in self._nets.items():
            if options.first_weights == "gaussian":
                _gaussian(net, derived_seed(place.seed, name))
            net.train().to(place.device).to(memory_format=torch.channels_last)
        style = generators["style"]
        self.mean = copy.deepcopy(style).requires_grad_(False) if options.average else style
        self.makers = adam(list(self.generators.values()), options.lr, options.weight_decay)
        self.critics = adam(list(self.judges.values()), options.lr, options.weight_decay)

    def fit(self, domains: Domains) -> None:
        """Train all four, going on from a checkpoint of the same images and numbers."""
        sheets = Sheets(self._shown(domains), self.place, self.options.steps)

        def step(number: int) -> Mapping[str, Tensor]:
            watched = self._step(domains, number)
            sheets(number + 1, {**self.generators, "style": self.mean})
            return watched

        state: dict[str, Stateful] = {**self._nets, "makers": self.makers, "critics": self.critics}
        state |= {"mean": self.mean} if self.options.average else {}
        print_of_all = f"{self.options} {self.place.precision} {self.place.seed} {domains.digest()}"
        run_steps(step, state, Loop("ugatit", self.options.steps, print_of_all, self.place))
        self.generators["style"].load_state_dict(self.mean.state_dict())

    def _shown(self, domains: Domains) -> Domains:
        # crops, because the full net takes no other size
        photos, style = domains.draw(self.options.crop, ROWS, self.place, number=0)
        return Domains(list(to_uint8(photos)), list(to_uint8(style)))

    def _step(self, domains: Domains, number: int) -> dict[str, Tensor]:
        options = self.options
        for optimiser in (self.makers, self.critics):
            set_rate(optimiser, options.lr * linear_rate(number, options.steps))
        photos, style = domains.draw(options.crop, options.batch, self.place, number)
        real = {"photo": photos, "style": style}
        with frozen(list(self.judges.values())):
            losses, made = self._maker_losses(real)
            descend(self.makers, torch.stack(list(losses.values())).sum())
        for generator in self.generators.values():
            clip_rho(generator)
        judged = {f"judge {aim}": self._judge_loss(aim, real[aim], made[aim]) for aim in real}
        descend(self.critics, torch.stack(list(judged.values())).sum())
        if options.average:
            follow(self.mean, self.generators["style"], options.average)
        return {name: loss.detach() for name, loss in chain(losses.items(), judged.items())}

    def _maker_losses(self, real: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the generators' losses and what they made, by aim. Source: section 2.2."""
        options, losses, made = self.options, {}, {}
        other = {"photo": "style", "style": "photo"}
        with autocast(self.place):
            for aim, net in self.generators.items():
                # one pass for both: the norms keep the images of a batch apart
                images, logits = net.attended(torch.cat([real[other[aim]], real[aim]]))
                (made[aim], same), (source, target) = images.chunk(2), logits.chunk(2)
                verdicts = [least_squares(part, real=True) for pair in self.judges[aim](made[aim]) for part in pair]
                losses[f"adversarial {aim}"] = torch.stack(verdicts).sum()
                losses[f"identity {aim}"] = options.identity_weight * difference(same, real[aim])
                told_apart = cross_entropy(source, real=True) + cross_entropy(target, real=False)
                losses[f"attention {aim}"] = options.cam_weight * told_apart
            for aim, net in self.generators.items():
                back = net(made[other[aim]])
                losses[f"cycle {aim}"] = options.cycle_weight * difference(back, real[aim])
        return losses, {aim: image.detach().float() for aim, image in made.items()}

    def _judge_loss(self, aim: str, real: Tensor, made: Tensor) -> Tensor:
        with autocast(self.place):
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
