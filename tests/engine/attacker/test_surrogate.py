"""A surrogate: asked and described."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gexbench.core.images import from_uint8
from gexbench.engine.attacker.surrogate import infer, latent_size
from gexbench.engine.kinds.image_to_image import KIND
from gexbench.engine.wire.questions import LONGEST_LATENT

IMAGES = torch.arange(192, dtype=torch.uint8).reshape(1, 3, 8, 8)


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
