"""The victim that learns a style led by attention; what it shares with others is in `training/test_cycle.py`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from domain_factory import brightened, first_losses, photos, studio_of, train
from torch import Tensor
from training_factory import equal

from gexbench.nets.ugatit_generator import UGATITGenerator
from gexbench.victims.ugatit import UGATIT


def test_it_learns_to_make_dark_photos_bright(tmp_path: Path) -> None:
    net = train("ugatit", studio_of("ugatit", tmp_path, steps=25))
    dark, made = brightened(net)
    assert not net.training
    # a net that learned nothing makes grey
    assert dark < 0.3 < 0.7 < made


def test_the_full_net_learns_from_crops_of_its_own_side(tmp_path: Path) -> None:
    studio = studio_of("ugatit", tmp_path)
    full = replace(studio, net={**studio.net, "light": False, "side": 16})
    assert train("ugatit", full)(torch.stack(photos(2, 2))[..., :16, :16]).shape == (2, 3, 16, 16)
    with pytest.raises(ValueError, match="sides must be 24x24, got 16x16"):
        train("ugatit", replace(full, net={**full.net, "side": 24}))


def test_first_weights_are_drawn_as_published_or_as_pytorch_draws_them(tmp_path: Path) -> None:
    def still(first_weights: str) -> Tensor:
        numbers = {"steps": 1, "lr": 0.0, "first_weights": first_weights}
        net = train("ugatit", studio_of("ugatit", tmp_path / first_weights, **numbers))
        return next(net.parameters()).detach()

    first, other = still("gaussian"), still("uniform")
    bound = 1.0 / math.sqrt(3 * 7 * 7)
    assert float(first.std()) == pytest.approx(0.02, rel=0.1)
    assert 0.9 * bound < float(other.abs().max()) <= bound
    with pytest.raises(ValueError, match="first_weights 'zero' must be"):
        still("zero")


@pytest.mark.parametrize("first_weights", ["gaussian", "uniform"])
def test_what_a_net_learned_before_does_not_matter(tmp_path: Path, first_weights: str) -> None:
    studio = studio_of("ugatit", tmp_path / "a", first_weights=first_weights)
    used = UGATIT().build(studio.net)
    with torch.no_grad():
        for parameter in used.parameters():
            parameter.add_(1.0)
    assert equal(UGATIT().train(used, studio), train("ugatit", replace(studio, workdir=tmp_path / "b")))


def test_every_rho_stays_between_the_two_norms(tmp_path: Path) -> None:
    net = train("ugatit", studio_of("ugatit", tmp_path, lr=0.1))
    rhos = torch.cat([p.detach().flatten() for name, p in net.named_parameters() if name.endswith("rho")])
    assert float(rhos.min()) == 0.0 < float(rhos.max()) <= 1.0


def test_the_attention_is_wrong_by_ln_2_for_each_domain_at_first(tmp_path: Path) -> None:
    losses = first_losses("ugatit", tmp_path)
    assert [losses[f"attention {aim}"] for aim in ("style", "photo")] == [
        pytest.approx(2000 * math.log(2), rel=0.05)
    ] * 2


def test_the_attention_is_right_when_it_takes_sources_for_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate = UGATITGenerator.attended

    def knowing(net: UGATITGenerator, x: Tensor) -> tuple[Tensor, Tensor]:
        images, logits = translate(net, x)
        sources = torch.arange(len(x)).view(-1, 1) < len(x) // 2
        return images, 0.0 * logits + torch.where(sources, 20.0, -20.0)

    monkeypatch.setattr(UGATITGenerator, "attended", knowing)
    losses = first_losses("ugatit", tmp_path)
    assert max(losses["attention style"], losses["attention photo"]) < 1e-3
