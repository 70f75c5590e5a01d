"""Fitting a generator to pairs of latents and images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from training_factory import Interrupted, checkpoint_every_step, context_in, equal, stopping_at

from gexbench.core.images import to_uint8
from gexbench.nets.initialise import seeded
from gexbench.training.loop import TrainingContext
from gexbench.training.regression import RegressionOptions, fit_regression

from .test_latent import Flat

PLAN = RegressionOptions(steps=400, batch=16, lr=3e-2)
SHORT = replace(PLAN, steps=6)


def latents(count: int, seed: int) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


def victim() -> nn.Module:
    return seeded(Flat, 9)


def fit(context: TrainingContext, plan: RegressionOptions = SHORT) -> nn.Module:
    net = seeded(Flat, 0)
    with torch.no_grad():
        images = [to_uint8(image) for image in victim()(latents(64, 5))]
    fit_regression(net, latents(64, 5), images, plan, context)
    return net


def test_it_learns_what_latents_become(tmp_path: Path) -> None:
    net, fresh = fit(context_in(tmp_path), PLAN), latents(16, 6)
    assert not net.training
    with torch.no_grad():
        assert (net(fresh) - victim()(fresh)).abs().max() < 0.03


def test_the_seed_alone_decides_which_pairs_are_seen(tmp_path: Path) -> None:
    first = fit(context_in(tmp_path / "a"))
    assert equal(fit(context_in(tmp_path / "b")), first)
    assert not equal(fit(context_in(tmp_path / "c", seed=1)), first)


def test_a_training_that_was_stopped_ends_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(context_in(tmp_path / "whole"))
    checkpoint_every_step(monkeypatch)
    with pytest.raises(Interrupted):
        fit(replace(context_in(tmp_path), progress=stopping_at(4)))
    assert equal(fit(context_in(tmp_path)), whole)
