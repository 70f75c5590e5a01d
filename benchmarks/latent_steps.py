"""Plain loops of the latent GANs, and the project's own, for `training.py`."""

from __future__ import annotations

import torch
from paired_steps import Step, descend
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import to_uint8
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.stylegan2 import StyleGAN2Generator
from gexbench.training.latent import LatentOptions, LatentTraining
from gexbench.training.loop import TrainingContext
from gexbench.training.pggan import DRIFT, PENALTY, PGGANTraining, build_pggan
from gexbench.training.sngan import build_sngan
from gexbench.training.stylegan2 import (
    PATH_DECAY,
    PATH_WEIGHT,
    PATHS_EVERY,
    SLOPES_EVERY,
    StyleGAN2Training,
    StyleOptions,
    build_stylegan2,
)

R1 = 1.0
STEPS, LATE = 1_600_000, 1_599_200


def adams(gan: LatentGAN, betas: tuple[float, float]) -> list[torch.optim.Adam]:
    """Return an Adam for the generator and one for the discriminator."""
    gan.train()
    parts = (gan.generator, gan.discriminator)
    return [torch.optim.Adam(part.parameters(), lr=1e-3, betas=betas, foreach=False) for part in parts]


def slopes(judge: nn.Module, images: Tensor) -> Tensor:
    """Return the gradients of logits by images in [-1,1], (N,pixels)."""
    images = images.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(judge(images).sum(), images, create_graph=True)
    return slope.flatten(1) / 2.0


def plain_sngan(gan: LatentGAN, real: Tensor) -> Step:
    """Return a step with hinge losses."""
    makers, critics = adams(gan, (0.0, 0.9))
    net, judge = gan.generator, gan.discriminator

    def step(number: int) -> None:
        made = net(torch.randn(len(real), gan.latent_size)).detach()
        descend(critics, F.relu(1.0 - judge(real)).mean() + F.relu(1.0 + judge(made)).mean())
        descend(makers, -judge(net(torch.randn(len(real), gan.latent_size))).mean())

    return step


def plain_pggan(gan: LatentGAN, real: Tensor) -> Step:
    """Return a step of WGAN-GP at the full side."""
    makers, critics = adams(gan, (0.0, 0.99))
    net, judge = gan.generator, gan.discriminator

    def step(number: int) -> None:
        made = net(torch.randn(len(real), gan.latent_size)).detach()
        truth, lie = judge(real), judge(made)
        steep = slopes(judge, real.lerp(made, torch.rand(len(real), 1, 1, 1))).norm(dim=1)
        loss = lie.mean() - truth.mean() + PENALTY * (steep - 1.0).square().mean() + DRIFT * truth.square().mean()
        descend(critics, loss)
        descend(makers, -judge(net(torch.randn(len(real), gan.latent_size))).mean())

    return step


def plain_stylegan2(gan: LatentGAN, real: Tensor) -> Step:
    """Return a step with logistic losses, the two penalties when they fall due, and mixed styles."""
    makers, critics = adams(gan, (0.0, 0.99))
    net, judge = gan.generator, gan.discriminator
    assert isinstance(net, StyleGAN2Generator)
    mean = torch.zeros(())

    def styles(count: int) -> Tensor:
        first, second = (net.mapped(torch.randn(count, gan.latent_size)) for _ in range(2))
        at = int(torch.randint(1, net.styles, ()))
        return torch.cat([first[:, :at], second[:, at:]], dim=1)

    def path_lengths() -> Tensor:
        w = net.mapped(torch.randn(len(real) // 2, gan.latent_size))
        images = 2.0 * net.synthesised(w)
        (slope,) = torch.autograd.grad((images * torch.randn_like(images)).sum(), w, create_graph=True)
        return slope.square().sum(dim=2).mean(dim=1).sqrt() / images.shape[-1]

    def step(number: int) -> None:
        made = net.synthesised(styles(len(real))).detach()
        loss = F.softplus(judge(made)).mean() + F.softplus(-judge(real)).mean()
        if number % SLOPES_EVERY == 0:
            loss = loss + SLOPES_EVERY * R1 / 2.0 * slopes(judge, real).square().sum(dim=1).mean()
        descend(critics, loss)
        loss = F.softplus(-judge(net.synthesised(styles(len(real))))).mean()
        if number % PATHS_EVERY == 0:
            lengths = path_lengths()
            mean.lerp_(lengths.detach().mean(), PATH_DECAY)
            loss = loss + PATHS_EVERY * PATH_WEIGHT * (lengths - mean).square().mean()
        descend(makers, loss)

    return step


def our_step(training: LatentTraining, real: Tensor) -> Step:
    """Return a step of the project's own loop on the same images, near its end, when a PGGAN is full grown."""
    bank = to_uint8(real).cpu()
    return lambda number: training.step(bank, LATE + number)


def sngan(real: Tensor, context: TrainingContext) -> tuple[Step, Step]:
    """Return both steps of the paper's network at 32 pixels, or that for 64."""
    net = {"side": real.shape[-1], "discriminator_channels": 128 if real.shape[-1] == 32 else 64}
    net |= {"channels": 256 if real.shape[-1] == 32 else 64}
    theirs, gan = (build_sngan(net, 0) for _ in range(2))
    training = LatentTraining(gan, LatentOptions(STEPS, len(real), 1, 2e-4, 0.0), context)
    return plain_sngan(theirs.to(context.device), real), our_step(training, real)


def pggan(real: Tensor, context: TrainingContext) -> tuple[Step, Step]:
    """Return both steps of the paper's network, full grown."""
    theirs, gan = (build_pggan({"side": real.shape[-1]}, 0) for _ in range(2))
    training = PGGANTraining(gan, LatentOptions(STEPS, len(real), 1, 1e-3, 0.0), context)
    return plain_pggan(theirs.to(context.device), real), our_step(training, real)


def stylegan2(real: Tensor, context: TrainingContext) -> tuple[Step, Step]:
    """Return both steps of config F at the side of the images."""
    theirs, gan = (build_stylegan2({"side": real.shape[-1]}, 0) for _ in range(2))
    training = StyleGAN2Training(gan, StyleOptions(STEPS, len(real), 1, 2.5e-3, 0.0, R1), context)
    return plain_stylegan2(theirs.to(context.device), real), our_step(training, real)
