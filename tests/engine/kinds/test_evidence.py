"""A surrogate's output is an image of the right size in [0,1], or the run fails with the reason."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gexbench.engine.kinds.evidence import valid
from gexbench.errors import RunFailed

SHAPE = (1, 3, 4, 4)


def ramp(low: float, high: float) -> Tensor:
    return torch.linspace(low, high, 48).reshape(SHAPE)


@pytest.mark.parametrize("y", [ramp(0, 1), torch.zeros(SHAPE), torch.ones(SHAPE)], ids=["ramp", "black", "white"])
def test_an_image_from_0_to_1_is_given_back_as_it_is(y: Tensor) -> None:
    assert valid(y, SHAPE) is y


def spoilt(value: float) -> Tensor:
    y = ramp(0, 1)
    y[0, 1, 2, 3] = value
    return y


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (ramp(0, 1)[0], r"returned shape \(3, 4, 4\), not \(1, 3, 4, 4\)"),
        (ramp(0, 1)[..., 1:], r"returned shape \(1, 3, 4, 3\), not"),
        (ramp(0, 1).expand(2, 3, 4, 4), r"returned shape \(2, 3, 4, 4\), not"),
        (spoilt(float("nan")), "returned NaN or infinite values"),
        (spoilt(float("inf")), "returned NaN or infinite values"),
        (spoilt(float("-inf")), "returned NaN or infinite values"),
        (spoilt(1.25), r"returned values from 0 to 1.25, outside \[0,1\]"),
        (spoilt(-0.5), r"returned values from -0.5 to 1, outside \[0,1\]"),
    ],
)
def test_whatever_else_a_surrogate_returns_is_named(y: Tensor, reason: str) -> None:
    with pytest.raises(RunFailed, match=f"the surrogate {reason}"):
        valid(y, SHAPE)
