"""What an attack returned: asked, described, saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.core.images import from_uint8
from gexbench.engine.attacker.surrogate import infer, latent_size, save_surrogate
from gexbench.engine.kinds.image_to_image import KIND
from gexbench.engine.wire.questions import LONGEST_LATENT

IMAGES = torch.arange(192, dtype=torch.uint8).reshape(1, 3, 8, 8)


class Tied(nn.Module):
    """Two names for one weight, and a weight that does not lie in order."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = self.first
        self.turned = nn.Parameter(torch.arange(6.0).reshape(2, 3).T)


def test_an_output_is_floats_in_order_on_the_cpu_without_a_gradient() -> None:
    gain = torch.ones(1, requires_grad=True)
    y = infer(KIND, lambda x: (x * gain).double().transpose(2, 3), IMAGES)
    assert (y.dtype, y.requires_grad, y.is_contiguous()) == (torch.float32, False, True)
    assert torch.equal(y, from_uint8(IMAGES).transpose(2, 3))


@pytest.mark.parametrize(("returned", "kind"), [("an image", "str"), (None, "NoneType"), ([1.0], "list")])
def test_an_output_that_is_no_tensor_is_named_by_its_type(returned: object, kind: str) -> None:
    with pytest.raises(TypeError, match=f"the surrogate returned {kind}, not a tensor"):
        infer(KIND, lambda x: returned, IMAGES)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("said", "kept"),
    [(1, 1), (LONGEST_LATENT, LONGEST_LATENT), (0, None), (LONGEST_LATENT + 1, None), (True, None), ("8", None)],
)
def test_a_latent_size_is_a_whole_number_within_bounds(said: object, kept: int | None) -> None:
    surrogate = nn.Identity()
    surrogate.latent_size = said  # type: ignore[assignment]
    assert latent_size(surrogate) == kept


def test_a_surrogate_that_says_nothing_of_latents_has_no_latent_size() -> None:
    assert latent_size(nn.Identity()) is None
    assert latent_size(lambda x: x) is None


def test_the_weights_of_a_module_are_saved_whole_and_its_class_is_named(tmp_path: Path) -> None:
    net, other = Tied(), Tied()
    assert save_surrogate(net, tmp_path) == f"{__name__}:Tied"
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "model.safetensors"), strict=True)
    assert torch.equal(other.first.weight, net.first.weight)
    assert torch.equal(other.turned, net.turned)


def test_what_is_no_module_is_named_and_leaves_no_weights(tmp_path: Path) -> None:
    def copied(x: Tensor) -> Tensor:
        return x

    assert save_surrogate(copied, tmp_path) == "builtins:function"
    assert list(tmp_path.iterdir()) == []
