"""What adversarial trainings of victims and attacks share: losses, the decaying rate, the image pool, sample sheets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.images import to_uint8
from gexbench.training import group

BETAS = (0.5, 0.999)


def least_squares(logits: Tensor, real: bool) -> Tensor:
    """Return the mean squared distance of logits to 1 (real) or 0. Source: Mao et al. 2017, eq. 2."""
    return F.mse_loss(logits.float(), torch.full_like(logits, float(real), dtype=torch.float32))


def cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Return the mean binary cross entropy of logits against real or made. Source: Goodfellow et al. 2014, eq. 1."""
    return F.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, float(real), dtype=torch.float32))


def difference(made: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean absolute difference of images in [0,1], taken on [-1,1] as the publications' weights expect."""
    return 2.0 * F.l1_loss(made.float(), wanted)


def adam(nets: Sequence[nn.Module], lr: float, weight_decay: float = 0.0) -> torch.optim.Adam:
    """Return Adam over the nets' parameters with the momentum usual for GANs, in one fused pass.

    Weight decay is added to the gradient, as in the publications. Source of the betas: Radford et al. 2016, section 3.
    """
    weights = [weight for net in nets for weight in net.parameters()]
    return torch.optim.Adam(weights, lr=lr, betas=BETAS, weight_decay=weight_decay, fused=True)


def follow(mean: nn.Module, net: nn.Module, share: float) -> None:
    """Move the mean over past weights, in place: it keeps `share` of itself and takes the rest from the net."""
    with torch.no_grad():
        for kept, now in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(now, 1.0 - share)
            else:
                kept.copy_(now)


def linear_rate(number: int, steps: int) -> float:
    """Return the factor on the learning rate: 1 for the first half of the steps, then down a line to 0."""
    half = steps // 2
    return min(1.0, (steps - number) / max(steps - half, 1))


def descend_flat(optimiser: torch.optim.Optimizer, loss: Callable[[], Tensor], rho: float) -> Tensor:
    """Step down the gradient found where the loss is highest within `rho` of the weights; 0 is a plain step.

    loss is called once, or twice where rho is above 0. Returns the loss at the weights, detached. Source: Foret,
    Kleiner, Mobahi and Neyshabur 2021 (arXiv 2010.01412), equations 2 and 3.
    """
    optimiser.zero_grad(set_to_none=True)
    value = loss()
    value.backward()
    group.average_gradients(optimiser)
    if rho:
        climbed = _climb([w for group in optimiser.param_groups for w in group["params"] if w.grad is not None], rho)
        optimiser.zero_grad(set_to_none=True)
        loss().backward()
        group.average_gradients(optimiser)
        with torch.no_grad():
            for weight, before in climbed:
                weight.copy_(before)
    optimiser.step()
    return value.detach()


def _climb(weights: Sequence[Tensor], rho: float) -> list[tuple[Tensor, Tensor]]:
    """Move weights by `rho` along their common gradient; returns each with a copy of what it was."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    scale = rho / (torch.stack([gradient.norm() for gradient in gradients]).norm() + 1e-12)
    climbed = [(weight, weight.detach().clone()) for weight in weights]
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient * scale)
    return climbed


@contextmanager
def frozen(nets: Sequence[nn.Module]) -> Iterator[None]:
    """Keep the nets' weights out of backward passes inside the block: gradients go through, not into them."""
    for net in nets:
        net.requires_grad_(False)
    try:
        yield
    finally:
        for net in nets:
            net.requires_grad_(True)


class ImagePool:
    """Show a discriminator images made earlier beside those made now; holds up to `size` images.

    It can be saved and restored, so a training goes on with the images it had. Source: Shrivastava et al. 2017, section
    2.3; as in Zhu et al. 2017, section 7.1, each image is exchanged for an earlier one with probability one half.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._held: list[Tensor] = []

    def exchange(self, made: Tensor, generator: torch.Generator) -> Tensor:
        """Return a batch like `made`, (N,3,H,W), in which some images are earlier ones; raises nothing."""
        if not self.size:
            return made
        return torch.stack([self._one(image, generator) for image in made])

    def _one(self, image: Tensor, generator: torch.Generator) -> Tensor:
        if len(self._held) < self.size:
            self._held.append(image.detach().clone())
            return image
        if float(torch.rand((), generator=generator)) < 0.5:
            return image
        place = int(torch.randint(self.size, (1,), generator=generator))
        earlier, self._held[place] = self._held[place], image.detach().clone()
        return earlier

    def state_dict(self) -> dict[str, Any]:
        """Return the images held."""
        return {"held": list(self._held)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Hold the images of a state."""
        self._held = list(state_dict["held"])


def write_sheet(path: Path, columns: Mapping[str, Tensor]) -> None:
    """Write a PNG whose columns are batches (N,3,H,W) in [0,1] of one size, a row an image; replaced whole."""
    strips = [torch.cat(list(to_uint8(batch.detach().float().cpu().clamp(0, 1))), dim=1) for batch in columns.values()]
    pixels = torch.cat(strips, dim=2).permute(1, 2, 0).contiguous().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(buffer.getvalue())
    part.replace(path)
