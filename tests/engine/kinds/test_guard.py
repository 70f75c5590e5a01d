"""What a defense returns is held to what it was given."""

from __future__ import annotations

import pytest
import torch

from gexbench.engine.kinds.guard import image_fault, latent_fault

IMAGE, LATENT = torch.full((1, 3, 8, 8), 0.5), torch.zeros(1, 5)


@pytest.mark.parametrize("got", [IMAGE, IMAGE * 0, IMAGE * 2, IMAGE.double(), IMAGE.half()], ids=str)
def test_images_as_large_in_floats_from_0_to_1_are_right(got: torch.Tensor) -> None:
    assert image_fault(got, IMAGE) == ""


@pytest.mark.parametrize(
    ("got", "told"),
    [
        (None, "NoneType, not a tensor"),
        (IMAGE[0], "torch.float32 (3, 8, 8), not floats of (1, 3, 8, 8)"),
        (IMAGE > 0, "torch.bool (1, 3, 8, 8), not floats"),
        (IMAGE * 2.5, "values from 1.25 to 1.25, outside [0,1]"),
        (IMAGE - 0.6, "values from -0.1"),
        (IMAGE * float("nan"), "values from nan to nan"),
    ],
    ids=["nothing", "shape", "bool", "bright", "dark", "nan"],
)
def test_what_is_no_image_is_told(got: object, told: str) -> None:
    assert image_fault(got, IMAGE).startswith(told)


def test_a_latent_may_be_anything_finite_of_its_length() -> None:
    assert latent_fault(LATENT - 100, LATENT) == ""
    assert latent_fault(LATENT / 0, LATENT) == "latents that are not finite"
    assert latent_fault(LATENT.long(), LATENT).startswith("torch.int64 (1, 5), not floats")
