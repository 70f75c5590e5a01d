"""Losses, rates, the image pool and sharpness-aware steps."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gexbench.training.adversarial import (
    ImagePool,
    cross_entropy,
    descend_flat,
    difference,
    follow,
    frozen,
    least_squares,
    linear_rate,
    write_sheet,
)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_losses_are_those_of_their_papers() -> None:
    logits = torch.tensor([0.0, 2.0])
    assert float(least_squares(logits, real=True)) == pytest.approx((1 + 1) / 2)
    assert float(least_squares(logits, real=False)) == pytest.approx((0 + 4) / 2)
    assert float(cross_entropy(logits, real=True)) == pytest.approx((math.log(2) + math.log1p(math.exp(-2))) / 2)


def test_the_rate_stays_for_half_of_the_steps_and_falls_to_nothing() -> None:
    assert [linear_rate(step, 10) for step in (0, 4, 5)] == [1.0, 1.0, 1.0]
    assert [linear_rate(step, 10) for step in (6, 9, 10)] == pytest.approx([0.8, 0.2, 0.0])


def test_the_pool_gives_back_what_it_gets_until_it_is_full() -> None:
    pool, made = ImagePool(4), torch.rand(4, 3, 2, 2)
    assert torch.equal(pool.exchange(made, draws()), made)


def test_a_full_pool_exchanges_about_half_of_the_images_for_earlier_ones() -> None:
    pool, generator = ImagePool(10), draws()
    pool.exchange(torch.zeros(10, 3, 1, 1), generator)
    shown = torch.cat([pool.exchange(torch.ones(1, 3, 1, 1), generator) for _ in range(8)])
    assert 1 <= int((shown.amax(dim=(1, 2, 3)) == 0).sum()) <= 7


def test_a_pool_of_nothing_hands_everything_through() -> None:
    made = torch.rand(2, 3, 2, 2)
    assert ImagePool(0).exchange(made, draws()) is made


def test_a_restored_pool_goes_on_as_the_first_one() -> None:
    first, second = ImagePool(3), ImagePool(3)
    first.exchange(torch.rand(3, 3, 1, 1, generator=draws(1)), draws())
    second.load_state_dict(first.state_dict())
    new = torch.rand(6, 3, 1, 1, generator=draws(2))
    assert torch.equal(first.exchange(new, draws(3)), second.exchange(new, draws(3)))


def test_gradients_go_through_frozen_nets_and_not_into_them() -> None:
    net, x = nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    with frozen([net]):
        net(x).sum().backward()
    assert x.grad is not None
    assert net.weight.grad is None
    assert net.weight.requires_grad


def bowl(weight: Tensor) -> Tensor:
    return weight.square().sum()


def test_a_step_without_a_radius_is_a_plain_one() -> None:
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    value = descend_flat(torch.optim.SGD([weight], lr=0.1), lambda: bowl(weight), rho=0.0)
    assert float(value) == 25.0
    assert weight.tolist() == pytest.approx([2.4, 3.2])


def test_a_sharpness_aware_step_takes_the_gradient_a_radius_uphill() -> None:
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    descend_flat(torch.optim.SGD([weight], lr=0.1), lambda: bowl(weight), rho=0.5)
    # uphill lies (3.3, 4.4), whose gradient is (6.6, 8.8)
    assert weight.tolist() == pytest.approx([3.0 - 0.66, 4.0 - 0.88])


def test_a_sheet_has_a_column_a_batch_and_a_row_an_image(tmp_path: Path) -> None:
    write_sheet(tmp_path / "new" / "sheet.png", {"a": torch.zeros(2, 3, 4, 5), "b": torch.ones(2, 3, 4, 5)})
    pixels = np.asarray(Image.open(tmp_path / "new" / "sheet.png"))
    assert pixels.shape == (8, 10, 3)
    assert pixels[:, :5].max() == 0
    assert pixels[:, 5:].min() == 255


def test_a_difference_is_taken_on_images_from_minus_one_to_one() -> None:
    assert float(difference(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.25))) == 0.5


def test_a_mean_keeps_its_share_and_takes_the_rest_from_the_net() -> None:
    mean, net = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    nn.init.constant_(mean.weight, 10.0)
    net.running_mean.fill_(4.0)  # type: ignore[union-attr]
    follow(mean, net, 0.75)
    assert mean.weight.tolist() == [7.75, 7.75]
    assert mean.running_mean.tolist() == [1.0, 1.0]  # type: ignore[union-attr]
    assert net.weight.tolist() == [1.0, 1.0]


def test_a_mean_takes_over_what_is_counted_in_whole_numbers() -> None:
    mean, net = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    net.num_batches_tracked.fill_(41)  # type: ignore[union-attr]
    follow(mean, net, 0.999)
    assert int(mean.num_batches_tracked) == 41  # type: ignore[arg-type]
