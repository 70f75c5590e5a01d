"""An attack to start from: query images, train a small generator against a small discriminator."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle

AT_ONCE = 64


class Generator(nn.Module):
    """Draw images from standard normal latents: (N,latent_size) to (N,3,side,side) in [0,1]."""

    def __init__(self, side: int, channels: int, latent_size: int) -> None:
        super().__init__()
        self.latent_size, self.channels = latent_size, channels  # a surrogate must say its latent_size
        self.config = {"side": side, "channels": channels, "latent_size": latent_size}  # how it is built anew
        doublings = (side // 4).bit_length() - 1
        self.first = nn.Linear(latent_size, channels * 16)
        self.blocks = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(doublings))
        self.last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Return the images."""
        x = self.first(z).reshape(-1, self.channels, 4, 4)
        for block in self.blocks:
            x = F.leaky_relu(block(F.interpolate(x, scale_factor=2.0)), 0.2)
        image: Tensor = torch.sigmoid(self.last(x))
        return image


class Discriminator(nn.Module):
    """Tell queried images from generated ones: (N,3,side,side) to logits (N,)."""

    def __init__(self, side: int, channels: int) -> None:
        super().__init__()
        halvings = (side // 4).bit_length() - 1
        widths = [3, *[channels] * halvings]
        self.blocks = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.last = nn.LazyLinear(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        for block in self.blocks:
            x = F.leaky_relu(block(x), 0.2)
        logits: Tensor = self.last(x.flatten(1))
        return logits[:, 0]


class MineAttack:
    """Copy the victim behind the oracle."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query as many images as the budget allows, train, and return the surrogate."""
        images = queried(oracle)
        options = brief.options
        generator = Generator(images.shape[-1], options["channels"], options["latent_size"]).to(brief.device)
        discriminator = Discriminator(images.shape[-1], options["channels"]).to(brief.device)
        train(generator, discriminator, images, brief)
        return generator.eval()


def queried(oracle: Oracle) -> Tensor:
    """Have the victim draw as many images as the budget allows: the transfer set, (N,3,side,side)."""
    counts = [min(AT_ONCE, oracle.budget - first) for first in range(0, oracle.budget, AT_ONCE)]
    return torch.cat([oracle.sample(count).images for count in counts])


def train(generator: Generator, discriminator: nn.Module, images: Tensor, brief: Brief) -> None:
    """Train both nets in turn with the loss of the original GAN."""
    options = brief.options
    discriminator(images[:1].to(brief.device))  # a lazy layer takes its size from what it sees first
    lr, betas = options["lr"], (0.5, 0.99)
    makes = torch.optim.Adam(generator.parameters(), lr=lr, betas=betas)
    judges = torch.optim.Adam(discriminator.parameters(), lr=lr, betas=betas)
    for step in range(options["steps"]):
        real, made = draw(images, brief), generator(latents(generator.latent_size, brief))
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(made.detach())).mean()
        descend(judges, loss)
        descend(makes, F.softplus(-discriminator(made)).mean())
        brief.progress("training", step + 1, options["steps"])


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Take one step down a loss."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def draw(images: Tensor, brief: Brief) -> Tensor:
    """Draw a batch of the transfer set; the brief's generator makes a seed give the same run again."""
    places = torch.randint(len(images), (brief.options["batch"],), generator=brief.generator)
    return images[places].to(brief.device)


def latents(size: int, brief: Brief) -> Tensor:
    """Draw a batch of latents."""
    return torch.randn(brief.options["batch"], size, generator=brief.generator).to(brief.device)
