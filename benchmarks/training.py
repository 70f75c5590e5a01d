"""Time a training step of each published network against the plain loop one would write first.

python benchmarks/training.py [--net pix2pix,cyclegan,sngan,pggan,stylegan2] [--rounds 3] [--side 256] [--batch 1]

Both loops train the same networks on images of the same size and take turns in each round, so that a busy machine
slows both. The plain loop is eager float32: a pass for each loss, separate Adam updates a tensor. Ours is the loop that
`gexbench run` and `gexbench victim train` use: bfloat16 where the processor has it, channels last, passes shared where
the losses allow it, fused Adam. By default translation is timed at 256 px with batch 1, SNGAN at 32 px with batch 16,
PGGAN (full grown) and StyleGAN2 (config F, mean of the 16 steps in which each penalty falls due) at 32 px with batch 4.
Prints seconds a step (median of the rounds), images a second, and the ratio.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import latent_steps
import torch
from paired_steps import Step, descend, medians
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import to_uint8
from gexbench.engine.machine import hardware
from gexbench.nets.initialise import gaussian
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.resnet_generator import ResNetGenerator
from gexbench.nets.unet import UNet
from gexbench.training.conditional import ConditionalOptions, ConditionalTraining
from gexbench.training.loop import TrainingContext
from gexbench.training.patches import Pairs
from gexbench.training.unpaired import Domains
from gexbench.victims.cyclegan import CycleGANOptions, CycleGANTraining


def plain_nets(*nets: nn.Module) -> list[torch.optim.Adam]:
    """Give nets their first weights and each an Adam."""
    for net in nets:
        gaussian(net.train(), 0)
    return [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False) for net in nets]


def plain_pix2pix(x: Tensor, y: Tensor) -> Step:
    """Return a step of Pix2Pix as its paper's algorithm reads."""
    net, judge = UNet(), PatchGAN(6, norm="batch")
    makers, critics = plain_nets(net, judge)

    def verdict(image: Tensor, real: bool) -> Tensor:
        logits = judge(torch.cat([x, image], dim=1))
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))

    def step(number: int) -> None:
        made = net(x)
        descend(critics, (verdict(y, True) + verdict(made.detach(), False)) / 2)
        descend(makers, verdict(made, True) + 200 * F.l1_loss(made, y))

    return step


def plain_cyclegan(photo: Tensor, style: Tensor) -> Step:
    """Return a step of CycleGAN as its paper's algorithm reads."""
    to_style, to_photo, of_style, of_photo = ResNetGenerator(), ResNetGenerator(), PatchGAN(), PatchGAN()
    plain_nets(to_style, to_photo, of_style, of_photo)
    makers = torch.optim.Adam([*to_style.parameters(), *to_photo.parameters()], lr=2e-4, foreach=False)
    critics = torch.optim.Adam([*of_style.parameters(), *of_photo.parameters()], lr=2e-4, foreach=False)

    def wanted(logits: Tensor, real: bool) -> Tensor:
        return F.mse_loss(logits, torch.full_like(logits, float(real)))

    def step(number: int) -> None:
        painted, taken = to_style(photo), to_photo(style)
        loss = wanted(of_style(painted), True) + wanted(of_photo(taken), True)
        loss = loss + 20 * (F.l1_loss(to_photo(painted), photo) + F.l1_loss(to_style(taken), style))
        loss = loss + 10 * (F.l1_loss(to_style(style), style) + F.l1_loss(to_photo(photo), photo))
        descend(makers, loss)
        judged = wanted(of_style(style), True) + wanted(of_style(painted.detach()), False)
        judged = judged + wanted(of_photo(photo), True) + wanted(of_photo(taken.detach()), False)
        descend(critics, judged / 2)

    return step


def pix2pix(x: Tensor, context: TrainingContext) -> tuple[Step, Step]:
    """Return a step of the plain loop and one of the project's own."""
    y = x.flip(3)
    options = ConditionalOptions(8, 64, 0.5, 64, 1000, len(x), x.shape[-1], 2e-4, 100.0)
    training = ConditionalTraining(UNet(), options, context)
    pairs = Pairs(list(to_uint8(x).cpu()), list(to_uint8(y).cpu()), 1)
    return plain_pix2pix(x, y), lambda number: training.step(pairs, number)


def cyclegan(photo: Tensor, context: TrainingContext) -> tuple[Step, Step]:
    """Return a step of the plain loop and one of the project's own."""
    style = photo.flip(3)
    options = CycleGANOptions(crop=photo.shape[-1], steps=1000)
    training = CycleGANTraining(ResNetGenerator(), ResNetGenerator(), options, context)
    domains = Domains(list(to_uint8(photo).cpu()), list(to_uint8(style).cpu()))
    return plain_cyclegan(photo, style), lambda number: training.step(domains, number)


@dataclass(frozen=True)
class PairedTraining:
    """What is timed: both steps, by images and context; side and batch by default; steps until all parts fell due."""

    steps: Callable[[Tensor, TrainingContext], tuple[Step, Step]]
    side: int
    batch: int
    cycle: int = 1


TRAININGS = {
    "pix2pix": PairedTraining(pix2pix, 256, 1),
    "cyclegan": PairedTraining(cyclegan, 256, 1),
    "sngan": PairedTraining(latent_steps.sngan, 32, 16),
    "pggan": PairedTraining(latent_steps.pggan, 32, 4),
    "stylegan2": PairedTraining(latent_steps.stylegan2, 32, 4, 16),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default=",".join(TRAININGS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int)
    parser.add_argument("--batch", type=int)
    given = parser.parse_args()
    machine = hardware.choose("auto", autocast=True)
    torch.set_num_threads(machine.threads)
    device = torch.device(machine.device)
    print(f"{hardware.processor()}, {machine.device}, {machine.threads} threads, {machine.precision}")
    for name in given.net.split(","):
        training = TRAININGS[name]
        side, batch = given.side or training.side, given.batch or training.batch
        images = torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0))
        with tempfile.TemporaryDirectory() as folder, torch.device(device):
            context = TrainingContext(device, machine.precision, 0, Path(folder), lambda what, done, total: None)
            plain, ours = training.steps(images.to(device), context)
            found = medians({"plain": plain, "ours": ours}, given.rounds, training.cycle)
        print(f"{name}, {side} px, batch {batch}")
        for key, value in found.items():
            print(f"  {key:6} {value:8.3f} s a step {batch / value:8.3f} images/s")
        print(f"  ratio  {found['plain'] / found['ours']:8.2f}")


if __name__ == "__main__":
    main()
