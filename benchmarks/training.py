"""Time a training step of Pix2Pix and of CycleGAN against the plain loop one would write first.

python benchmarks/training.py [--side 256] [--rounds 3] [--net pix2pix,cyclegan]

Both loops train the published networks on images of the same size, batch 1, and take turns in each round, so that a
busy machine slows both. The plain loop is eager float32: a pass for each loss, separate Adam updates a tensor.
Ours is the loop that `gexbench run` and `gexbench victim train` use: bfloat16 where the processor has it, channels
last, translation and identity in one pass, fused Adam. Prints seconds a step (median of the rounds), images a second,
and the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import to_uint8
from gexbench.engine import hardware
from gexbench.nets.initialise import gaussian
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.resnet_generator import ResNetGenerator
from gexbench.nets.unet import UNet
from gexbench.training.conditional import ConditionalOptions, Duel
from gexbench.training.loop import Place
from gexbench.training.patches import Pairs
from gexbench.training.unpaired import Domains
from gexbench.victims.cyclegan import Cycle, CycleGANOptions

Step = Callable[[int], object]


def plain_nets(*nets: nn.Module) -> list[torch.optim.Adam]:
    """Give nets their first weights and each an Adam."""
    for net in nets:
        gaussian(net.train(), 0)
    return [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False) for net in nets]


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Do one step."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


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


def our_pix2pix(x: Tensor, y: Tensor, place: Place) -> Step:
    """Return a step of the project's own loop on the same images."""
    options = ConditionalOptions(8, 64, 0.5, 64, 1000, 1, x.shape[-1], 2e-4, 100.0)
    duel, pairs = Duel(UNet(), options, place), Pairs(list(to_uint8(x)), list(to_uint8(y)), 1)
    return lambda number: duel.step(pairs, number)


def our_cyclegan(photo: Tensor, style: Tensor, place: Place) -> Step:
    """Return a step of the project's own loop on the same images."""
    options = CycleGANOptions(crop=photo.shape[-1], steps=1000)
    cycle = Cycle(ResNetGenerator(), ResNetGenerator(), options, place)
    domains = Domains(list(to_uint8(photo)), list(to_uint8(style)))
    return lambda number: cycle.step(domains, number)


def seconds(step: Step, number: int) -> float:
    """Return how long a step takes."""
    start = time.perf_counter()
    step(number)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--net", default="pix2pix,cyclegan")
    given = parser.parse_args()
    machine = hardware.choose("auto", autocast=True)
    torch.set_num_threads(machine.threads)
    device = torch.device(machine.device)
    print(f"{hardware.processor()}, {machine.device}, {machine.threads} threads, {machine.precision}, {given.side} px")
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(1, 3, given.side, given.side, generator=generator) for _ in range(2))
    nets = {"pix2pix": (plain_pix2pix, our_pix2pix), "cyclegan": (plain_cyclegan, our_cyclegan)}
    for name in given.net.split(","):
        with tempfile.TemporaryDirectory() as folder, torch.device(device):
            place = Place(device, machine.precision, 0, Path(folder), lambda what, done, total: None)
            plain, ours = nets[name]
            steps = {"plain": plain(x.to(device), y.to(device)), "ours": ours(x, y, place)}
            times: dict[str, list[float]] = {key: [] for key in steps}
            for number in range(given.rounds + 1):
                for key, step in steps.items():
                    times[key].append(seconds(step, number))
        middle = {key: statistics.median(found[1:]) for key, found in times.items()}
        for key, value in middle.items():
            print(f"{name:9} {key:6} {value:8.3f} s a step {1 / value:8.3f} images/s")
        print(f"{name:9} ratio  {middle['plain'] / middle['ours']:8.2f}")


if __name__ == "__main__":
    main()
