"""Fit a super-resolution network to pairs with a pixel loss; victims, attacks and controls share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.nets.initialise import Net, seeded
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.training.augment import augment
from gexbench.training.loop import Loop, Place, autocast, cosine_rate, derived_seed, run_steps, set_rate, step_generator
from gexbench.training.patches import Pairs, draw


@dataclass(frozen=True)
class PixelPlan:
    """How to fit: steps of `batch` crops of `patch` input pixels a side, Adam from `lr` down a cosine.

    loss: "l1" or "mse". augment: names of `training.augment`.
    """

    steps: int
    batch: int
    patch: int
    lr: float
    loss: str = "l1"
    augment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.loss not in ("l1", "mse"):
            raise ValueError(f"loss {self.loss!r} must be 'l1' or 'mse'")


def fit_pixels(net: nn.Module, pairs: Pairs, plan: PixelPlan, place: Place, name: str = "fit") -> None:
    """Fit `net` in place; it is left in training mode, on the place's device, channels last.

    Goes on from the checkpoint `<name>.ckpt` in `place.workdir` when that was made from the same pairs and numbers.
    """
    net.train().to(place.device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=plan.lr)

    def step(number: int) -> Mapping[str, Tensor]:
        set_rate(optimiser, plan.lr * cosine_rate(number, plan.steps))
        x, y = draw_batch(pairs, plan, place, number)
        with autocast(place):
            loss = pixel_loss(net(x), y, plan.loss)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return {"loss": loss.detach()}

    print_of_all = f"{asdict(plan)} {place.precision} {place.seed} {pairs.digest()}"
    run_steps(step, {"net": net, "optimiser": optimiser}, Loop(name, plan.steps, print_of_all, place))


def fit_srresnet(pairs: Pairs, options: Mapping[str, Any], place: Place) -> SRResNet:
    """Build an SRResNet, fit it to pairs, and return it in evaluation mode.

    options: blocks, channels, kernel, batch_norm, skip (see SRResNetOptions); steps, batch, patch, lr, loss, augment
    (see PixelPlan). Its first weights, crops and augmentations depend on `place.seed` alone.
    """
    shape = {key: options[key] for key in ("blocks", "channels", "kernel", "batch_norm", "skip")}
    numbers = SRResNetOptions(**shape, scale=pairs.scale)
    plan = PixelPlan(
        **{key: options[key] for key in ("steps", "batch", "patch", "lr", "loss")}, augment=tuple(options["augment"])
    )
    net = seeded(lambda: SRResNet(numbers), derived_seed(place.seed, "weights"))
    fit_pixels(net, pairs, plan, place)
    return finished(net)


def draw_batch(pairs: Pairs, plan: PixelPlan, place: Place, number: int) -> tuple[Tensor, Tensor]:
    """Draw the augmented crops of one step onto the place's device, channels last."""
    x, y = draw(pairs, plan.patch, plan.batch, step_generator(place.seed, "crops", number))
    x, y = augment(x, y, plan.augment, step_generator(place.seed, "augment", number))
    return tuple(part.to(place.device, memory_format=torch.channels_last) for part in (x, y))  # type: ignore[return-value]


def pixel_loss(made: Tensor, wanted: Tensor, kind: str) -> Tensor:
    """Return the mean absolute ("l1") or squared ("mse") difference."""
    return F.l1_loss(made, wanted) if kind == "l1" else F.mse_loss(made, wanted)


def finished(net: Net) -> Net:
    """Return the network as it is handed over: evaluation mode, plain memory order, no gradients kept."""
    net.zero_grad(set_to_none=True)
    return net.eval().to(memory_format=torch.contiguous_format)
