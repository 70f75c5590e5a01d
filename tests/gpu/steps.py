"""Steps of published trainings, whose draws and losses are the same on all devices, and their time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gexbench.core.images import to_uint8
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.nets.unet import UNet, UNetOptions
from gexbench.training.conditional import ConditionalOptions, ConditionalTraining
from gexbench.training.latent import LatentOptions, LatentTraining
from gexbench.training.loop import Step, TrainingContext, autocast, descend
from gexbench.training.patches import Pairs
from gexbench.training.pggan import PGGANTraining, build_pggan
from gexbench.training.sngan import build_sngan
from gexbench.training.super_resolution import PixelPlan, draw_batch, pixel_loss
from gexbench.training.unpaired import Domains
from gexbench.victims.cyclegan import CycleGANOptions, CycleGANTraining


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def srresnet(context: TrainingContext) -> Step:
    pairs = Pairs(list(to_uint8(noise(4, 3, 48, 48))), list(to_uint8(noise(4, 3, 192, 192))), 4)
    plan = PixelPlan(1000, 16, 24, 1e-4)
    net = SRResNet(SRResNetOptions()).train().to(context.device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=plan.lr)

    def step(number: int) -> Mapping[str, Tensor]:
        x, y = draw_batch(pairs, plan, context, number)
        with autocast(context):
            loss = pixel_loss(net(x), y, plan.loss)
        descend(optimiser, loss)
        return {"loss": loss.detach()}

    return step


def pix2pix(context: TrainingContext) -> Step:
    images = list(to_uint8(noise(4, 3, 256, 256)))
    options = ConditionalOptions(8, 64, 0.0, 64, 1000, 1, 256, 2e-4, 100.0)
    training = ConditionalTraining(UNet(UNetOptions(norm="instance", dropout=0.0)), options, context)
    return lambda number: training.step(Pairs(images, images[::-1], 1), number)


def cyclegan(context: TrainingContext) -> Step:
    domains = Domains(list(to_uint8(noise(4, 3, 128, 128))), list(to_uint8(noise(4, 3, 128, 128)).flip(0)))
    nets = (ResNetGenerator(ResNetGeneratorOptions()) for _ in range(2))
    training = CycleGANTraining(*nets, CycleGANOptions(crop=128, steps=1000), context)
    return lambda number: training.step(domains, number)


def latent(build: Any, kind: type[LatentTraining], net: Mapping[str, Any], context: TrainingContext) -> Any:
    bank = to_uint8(noise(64, 3, 32, 32))
    training = kind(build({"side": 32, **net}, 0), LatentOptions(1000, 16, 1, 2e-4, 0.0), context)
    return lambda number: training.step(bank, 999)  # full grown


STEPS: Mapping[str, Callable[[TrainingContext], Step]] = {
    "srresnet": srresnet,
    "pix2pix": pix2pix,
    "cyclegan": cyclegan,
    "sngan": lambda context: latent(build_sngan, LatentTraining, {"discriminator_channels": 128}, context),
    "pggan": lambda context: latent(build_pggan, PGGANTraining, {}, context),
}


def timed(step: Callable[[int], object], device: str, rounds: int, cycle: int = 1) -> float:
    """Return the seconds of a step, median of rounds of a cycle after a first."""
    found = []
    for number in range(rounds + 1):
        begin = time.perf_counter()
        for each in range(cycle):
            step(number * cycle + each)
        if device == "cuda":
            torch.cuda.synchronize()
        found.append((time.perf_counter() - begin) / cycle)
    return statistics.median(found[1:])
