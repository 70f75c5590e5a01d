"""Victims that are TorchScript files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from own_victim_factory import Draw, Enlarge, card_of, save_script

from gexbench.engine.service.torchscript_victim import TorchScriptVictim
from gexbench.errors import AssetMissing


def opened(file: Path, kind: str = "image-to-image") -> TorchScriptVictim:
    card = card_of(file, kind)
    assert card.weights is not None
    return TorchScriptVictim(card, file, card.weights.sha256, "cpu")


def test_it_answers_as_the_network_it_was_written_from(tmp_path: Path) -> None:
    net, x = Enlarge(), torch.rand(2, 3, 6, 9)
    victim = opened(save_script(net, tmp_path / "net.pt"))
    torch.testing.assert_close(victim.answer(x), net(x).detach())
    assert victim.latent_size is None


@pytest.mark.parametrize("convolves", [False, True])
def test_what_draws_is_asked_for_the_length_of_its_latents(convolves: bool, tmp_path: Path) -> None:
    victim = opened(save_script(Draw(convolves), tmp_path / "net.pt"), "sampling")
    assert victim.latent_size == 6
    assert tuple(victim.answer(torch.randn(2, 6)).shape) == (2, 3, 32, 32)


def test_a_file_that_only_looks_like_one_is_refused_and_not_unpickled(tmp_path: Path) -> None:
    torch.save(Enlarge(), tmp_path / "net.pt")
    with pytest.raises(AssetMissing, match=r"is no TorchScript file that torch .* opens: ") as refused:
        opened(tmp_path / "net.pt")
    assert "\n" not in str(refused.value)
    assert "torch.jit.script" in refused.value.hint
