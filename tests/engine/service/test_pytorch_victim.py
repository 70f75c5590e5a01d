"""A network as a victim: opened from the very file its plan names, and asked without a trace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.endpoint import OpenVictim, Weights
from gexbench.engine.service.pytorch_victim import PyTorchVictim
from gexbench.engine.store.weights import file_sha256, salted
from gexbench.errors import AssetMissing

from ..toy_orders import plan


class Net(nn.Module):
    """Multiplies, and is another one while it trains."""

    def __init__(self, latent_size: object) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
        self.latent_size = latent_size

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain if not self.training else x * 0


class Victim:
    def build(self, options: Mapping[str, Any]) -> nn.Module:
        return Net(options["latent_size"])


def card(latent_size: object = 7) -> VictimCard:
    return plan().victim.model_copy(update={"entry": f"{__name__}:Victim", "net": {"latent_size": latent_size}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The weights of a net that multiplies by three."""
    safetensors.torch.save_file({"gain": torch.tensor([3.0])}, tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def opened(file: Path, net: VictimCard | None = None) -> PyTorchVictim:
    return PyTorchVictim(net or card(), file, file_sha256(file), "cpu")


def test_it_answers_with_floats_that_carry_no_gradient(file: Path) -> None:
    victim: OpenVictim = opened(file)
    answer = victim.answer(torch.ones(2, 3, 8, 8, requires_grad=True))
    assert (answer.dtype, answer.requires_grad, answer.device.type) == (torch.float32, False, "cpu")
    assert torch.equal(answer, torch.full((2, 3, 8, 8), 3.0))


@pytest.mark.parametrize(("said", "kept"), [(7, 7), (None, None), ("7", None), (7.0, None)])
def test_its_latent_size_is_what_its_net_says(file: Path, said: object, kept: int | None) -> None:
    assert opened(file, card(said)).latent_size == kept


def test_a_file_that_is_not_the_plans_is_refused(file: Path) -> None:
    with pytest.raises(AssetMissing, match="is not the file its card pins"):
        PyTorchVictim(card(), file, "0" * 64, "cpu")


def test_its_digest_is_the_files_and_its_secret_too(file: Path) -> None:
    victim = opened(file)
    assert victim.digest == file_sha256(file)
    assert victim.secret("latents") == salted(file, "latents")
    assert victim.secret("latents") != victim.secret("mark")


def test_with_other_weights_it_is_a_victim_of_the_same_class_and_the_first_answers_as_before(file: Path) -> None:
    victim, x = opened(file), torch.ones(1, 3, 8, 8)
    own = victim.weights()
    assert own.class_path == f"{__name__}:Net"
    other = victim.with_weights(Weights(own.class_path, {"gain": own.tensors["gain"] + 2}))
    own.tensors["gain"].zero_()  # a copy
    assert torch.equal(other.answer(x), 5 * x)
    assert torch.equal(victim.answer(x), 3 * x)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"class_path": "a.b:Trojan"}, "a a.b:Trojan, not a "),
        ({"tensors": {}}, "no tensor 'gain'"),
        ({"tensors": {"gain": torch.ones(1).double(), "more": torch.ones(1)}}, "another tensor 'more'"),
        ({"tensors": {"gain": torch.ones(1)}}, "gain as torch.float32 "),
        ({"tensors": {"gain": torch.ones(2).double()}}, "gain as torch.float64 (2,), not torch.float64 (1,)"),
        ({"tensors": {"gain": torch.tensor([float("nan")]).double()}}, "values in gain that are not finite"),
    ],
    ids=["class", "missing", "more", "dtype", "shape", "nan"],
)
def test_weights_that_do_not_fit_are_refused_by_what_is_wrong(file: Path, changes: dict[str, Any], told: str) -> None:
    victim = opened(file)
    own = victim.weights()
    fields = {"class_path": own.class_path, "tensors": own.tensors, **changes}
    with pytest.raises(ValueError, match=re.escape(told)):
        victim.with_weights(Weights(**fields))
