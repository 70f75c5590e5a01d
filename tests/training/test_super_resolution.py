"""Fitting an SRResNet to pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_factory import Interrupted, equal, stopping_at

from gexbench.core.images import upscale
from gexbench.training.loop import TrainingContext
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import PixelPlan, fit_srresnet, pixel_loss

OPTIONS: dict[str, Any] = {
    "blocks": 1,
    "channels": 8,
    "kernel": 3,
    "batch_norm": False,
    "skip": "bicubic",
    "steps": 150,
    "batch": 4,
    "patch": 12,
    "lr": 5e-3,
    "loss": "l1",
    "augment": ("flip",),
}


def error(made: Tensor, wanted: Tensor) -> float:
    return float((made - wanted).detach().square().mean())


@pytest.mark.parametrize("changes", [{}, {"loss": "mse"}, {"batch_norm": True}], ids=str)
def test_it_comes_closer_to_the_service_than_bicubic(
    pairs: Pairs, unseen: tuple[Tensor, Tensor], context: TrainingContext, changes: dict[str, Any]
) -> None:
    net = fit_srresnet(pairs, {**OPTIONS, **changes}, context)
    x, y = unseen
    assert error(net(x), y) < 0.6 * error(upscale(x, 4).clamp(0, 1), y)


def test_it_learns_one_batch_by_heart_without_a_skip(pairs: Pairs, context: TrainingContext) -> None:
    single = Pairs(pairs.low[:1], pairs.high[:1], 4)
    options = {**OPTIONS, "skip": "none", "patch": 16, "batch": 1, "steps": 300, "channels": 16, "augment": ()}
    net = fit_srresnet(single, options, context)
    x, y = pairs.low[0][None] / 255.0, pairs.high[0][None] / 255.0
    assert error(net(x), y) < 0.1 * float(y.var())


def test_the_seed_alone_decides_the_weights(pairs: Pairs, context: TrainingContext, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    nets = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        nets.append(
            fit_srresnet(pairs, {**OPTIONS, "steps": 3}, replace(context, seed=seed, workdir=tmp_path / folder))
        )
    assert equal(nets[0], nets[1])
    assert not equal(nets[0], nets[2])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_resumed_fit_ends_with_the_same_bits(pairs: Pairs, context: TrainingContext, tmp_path: Path) -> None:
    options = {**OPTIONS, "steps": 6, "augment": ("flip", "rotation", "contrast")}
    straight = fit_srresnet(pairs, options, replace(context, workdir=tmp_path / "straight"))
    with pytest.raises(Interrupted):
        fit_srresnet(pairs, options, replace(context, progress=stopping_at(3)))
    assert equal(fit_srresnet(pairs, options, context), straight)


def test_other_pairs_start_afresh(pairs: Pairs, context: TrainingContext, tmp_path: Path) -> None:
    options = {**OPTIONS, "steps": 2}
    fit_srresnet(Pairs(pairs.low[:6], pairs.high[:6], 4), options, context)
    straight = fit_srresnet(pairs, options, replace(context, workdir=tmp_path / "straight"))
    assert equal(fit_srresnet(pairs, options, context), straight)


def test_the_net_is_handed_over_ready_to_use(pairs: Pairs, context: TrainingContext) -> None:
    net = fit_srresnet(pairs, {**OPTIONS, "steps": 1}, context)
    assert not net.training
    assert all(p.is_contiguous() and p.grad is None for p in net.parameters())


def test_bfloat16_only_computes_and_weights_stay_float32(pairs: Pairs, context: TrainingContext) -> None:
    net = fit_srresnet(pairs, {**OPTIONS, "steps": 2}, replace(context, precision="bf16"))
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert net(torch.rand(1, 3, 4, 4)).dtype == torch.float32


def test_losses_are_means() -> None:
    made, wanted = torch.zeros(2, 3), torch.full((2, 3), 0.5)
    assert float(pixel_loss(made, wanted, "l1")) == 0.5
    assert float(pixel_loss(made, wanted, "mse")) == 0.25
    with pytest.raises(ValueError, match="'huber' must be 'l1' or 'mse'"):
        PixelPlan(1, 1, 1, 1.0, "huber")
