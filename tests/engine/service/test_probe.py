"""What a foreign victim is, found out by asking it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from own_victim_factory import Draw, Enlarge, card_of, save_script
from torch import Tensor, nn

from gexbench.cards.own import Facts
from gexbench.engine.service import probe as probing
from gexbench.engine.service.probe import probe
from gexbench.engine.service.torchscript_victim import TorchScriptVictim
from gexbench.errors import GexbenchError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "SECONDS", 0.0)


def probed(file: Path) -> Facts:
    card = card_of(file)
    assert card.weights is not None
    return probe(TorchScriptVictim(card, file, card.weights.sha256, "cpu"))


def test_of_what_takes_images_scale_sides_and_range_are_found(tmp_path: Path) -> None:
    facts = probed(save_script(Enlarge(2.0, -1.0), tmp_path / "net.pt"))
    assert (facts.draws, facts.scale, facts.any_shape, facts.gives) == (False, 4, True, (-1.0, 1.0))
    assert facts.sides == (16, 24, 32, 33, 48, 64, 96, 128, 256)
    assert facts.timed_at == 64
    assert (round(facts.least, 3), facts.deterministic) == (-1.0, True)
    assert facts.images_per_second > 0


def test_of_what_draws_the_length_of_latents_and_the_size_of_images_are_found(tmp_path: Path) -> None:
    facts = probed(save_script(Draw(True), tmp_path / "net.pt"))
    assert (facts.draws, facts.latent_size, facts.drawn, facts.gives) == (True, 6, (32, 32), (0.0, 1.0))


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % 8 != 0:
            raise RuntimeError("sides must be multiples of 8")
        return torch.rand_like(x) * 400


def test_what_answers_otherwise_each_time_takes_few_sides_and_has_a_range_of_its_own_is_told_so(tmp_path: Path) -> None:
    facts = probed(save_script(Noisy(), tmp_path / "net.pt"))
    assert (facts.deterministic, facts.scale, facts.gives) == (False, 1, None)
    assert 33 not in facts.sides


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] != x.shape[3]:
            raise RuntimeError("sides must be equal")
        return x * 1.0


def test_what_takes_squares_alone_is_told_so(tmp_path: Path) -> None:
    facts = probed(save_script(Square(), tmp_path / "net.pt"))
    assert (facts.scale, facts.any_shape) == (1, False)


class Halved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, ::2, ::2] * 1.0


class Scalar(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean()


@pytest.mark.parametrize(("net", "why"), [(Halved(), "one whole number"), (Scalar(), "which is no image")])
def test_what_neither_takes_images_nor_draws_them_is_one_line(net: nn.Module, why: str, tmp_path: Path) -> None:
    with pytest.raises(GexbenchError, match=f"neither takes images nor draws them: .*{why}") as refused:
        probed(save_script(net, tmp_path / "net.pt"))
    assert "\n" not in str(refused.value)
