"""Victims whose class lies beside their card."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from own_victim_factory import card_of
from safetensors.torch import save_file

from gexbench.engine.service.own_pytorch_victim import OwnPyTorchVictim
from gexbench.errors import AssetMissing, CardError

CODE = """
import torch
class Net(torch.nn.Module):
    def __init__(self, gain):
        super().__init__()
        self.gain = gain
        self.shift = torch.nn.Parameter(torch.zeros(1))
    def forward(self, x):
        return x.repeat_interleave(4, 2).repeat_interleave(4, 3) * self.gain + self.shift
def function(gain):
    return 3
"""


@pytest.fixture(autouse=True)
def _code(tmp_path: Path) -> Iterator[None]:
    path = list(sys.path)
    (tmp_path / "ownnet.py").write_text(CODE)
    save_file({"shift": torch.full((1,), 0.25)}, tmp_path / "net.safetensors")
    yield
    sys.path[:] = path
    sys.modules.pop("ownnet", None)


def opened(folder: Path, entry: str = "ownnet:Net", **net: object) -> OwnPyTorchVictim:
    file = folder / "net.safetensors"
    card = card_of(file, backend="module", entry=entry, net=net)
    assert card.weights is not None
    return OwnPyTorchVictim(card, file, card.weights.sha256, "cpu", folder)


def test_its_class_is_called_with_the_cards_net_and_filled_with_its_weights(tmp_path: Path) -> None:
    answers = opened(tmp_path, gain=0.5, gives=(0, 1)).answer(torch.ones(1, 3, 2, 2))
    torch.testing.assert_close(answers, torch.full((1, 3, 8, 8), 0.75))


def test_what_cannot_be_built_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"'own/net' cannot be built: .*gain"):
        opened(tmp_path)
    with pytest.raises(CardError, match=r"is no torch\.nn\.Module"):
        opened(tmp_path, "ownnet:function", gain=1)
    with pytest.raises(CardError, match="has no 'Nett'"):
        opened(tmp_path, "ownnet:Nett", gain=1)


def test_weights_of_another_class_are_refused(tmp_path: Path) -> None:
    save_file({"bias": torch.ones(1)}, tmp_path / "net.safetensors")
    with pytest.raises(AssetMissing, match="does not fit its network"):
        opened(tmp_path, gain=1.0)
