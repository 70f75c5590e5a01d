"""Latents moved along brightness."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gexbench.core.defense import History, Place
from gexbench.core.images import luma_bt601
from gexbench.defenses.semantic_interpolation import SemanticInterpolation
from gexbench.errors import RunFailed


class Lamp(nn.Module):
    """Draw grey images whose brightness hangs on one direction of the latent, and whose pattern on another."""

    latent_size = 6

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("bright", torch.tensor([3.0, 0, 4.0, 0, 0, 0]) / 5)
        self.strength = strength

    def forward(self, z: Tensor) -> Tensor:
        level = 0.5 + 0.1 * self.strength * (z @ self.get_buffer("bright"))
        stripes = 0.05 * z[:, 1].view(-1, 1, 1, 1) * torch.tensor([1.0, -1.0]).repeat(4)
        return (level.view(-1, 1, 1, 1) + stripes).expand(-1, 3, 8, 8).clamp(0, 1)


def _place(folder: Path, seed: int = 0) -> Place:
    return Place((), 1, {}, torch.device("cpu"), "fp32", seed, folder, lambda what, done, total: None)


def _prepared(far: float, folder: Path) -> SemanticInterpolation:
    defense = SemanticInterpolation({"far": far})
    defense.prepared = defense.prepare(Lamp(), [], _place(folder))
    return defense


def _fed(defense: SemanticInterpolation, z: Tensor) -> Tensor:
    seeds = (torch.Generator().manual_seed(seed) for seed in range(len(z)))
    return torch.cat([defense.guard_latent(z[i : i + 1], History(i, seed)) for i, seed in enumerate(seeds)])


def test_the_direction_is_that_of_brightness_and_comes_out_the_same_again(tmp_path: Path) -> None:
    found = _prepared(1.0, tmp_path).prepared
    assert float(found["direction"] @ Lamp().get_buffer("bright")) == pytest.approx(1.0, abs=1e-3)
    assert float(found["explained"]) > 0.99
    assert torch.equal(found["direction"], _prepared(1.0, tmp_path).prepared["direction"])


def test_walks_go_both_ways_and_no_further_than_asked_and_lengths_stay(tmp_path: Path) -> None:
    z, defense = torch.randn(200, 6, generator=torch.Generator().manual_seed(3)), _prepared(4.0, tmp_path)
    fed, direction = _fed(defense, z), defense.prepared["direction"]
    assert torch.allclose(fed.norm(dim=1), z.norm(dim=1), rtol=1e-5)
    across = z - torch.outer(z @ direction, direction)
    rest = fed - torch.outer(fed @ direction, direction)
    walked = (fed @ direction) * across.norm(dim=1) / rest.norm(dim=1) - z @ direction
    assert walked.abs().max() <= 4.0 + 1e-3
    assert walked.min() < -3.5
    assert walked.max() > 3.5
    assert torch.allclose(torch.cosine_similarity(across, rest), torch.ones(200), atol=1e-3)


def test_further_walks_change_brightness_more_and_none_nothing(tmp_path: Path) -> None:
    z = torch.randn(100, 6, generator=torch.Generator().manual_seed(3))

    def changed(far: float) -> float:
        before, after = (luma_bt601(Lamp()(x)).mean(dim=(1, 2, 3)) for x in (z, _fed(_prepared(far, tmp_path), z)))
        return float((after - before).abs().mean())

    assert changed(0.0) == pytest.approx(0.0, abs=1e-6)
    assert changed(1.0) < changed(3.0) < changed(12.0)


def test_a_victim_whose_images_are_all_as_bright_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="all as bright"):
        SemanticInterpolation({"far": 1.0}).prepare(Lamp(strength=0.0), [], _place(tmp_path))
