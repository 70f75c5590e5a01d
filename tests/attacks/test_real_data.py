"""The control trained on true pairs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import Tensor
from training_factory import equal

from gexbench.attacks.bicubic import Bicubic
from gexbench.attacks.real_data import RealData
from gexbench.attacks.srresnet import SRResNetAttack
from gexbench.core.attack import Brief
from gexbench.errors import PlanError

from .conftest import Door, service


@pytest.fixture
def informed(brief: Brief) -> Brief:
    """A brief in which the service happens to be the truth."""
    truth = [service(image[None])[0] for image in brief.pool]
    return replace(brief, truth=truth, knowledge=frozenset({"truth"}))


def test_it_learns_the_truth_and_asks_nothing(door: Door, informed: Brief, unseen: tuple[Tensor, Tensor]) -> None:
    x, y = unseen
    net, floor = (attack.extract(door, informed) for attack in (RealData(), Bicubic()))
    assert float((net(x).detach() - y).square().mean()) < 0.6 * float((floor(x) - y).square().mean())
    assert door.asked == []


def test_it_is_the_attack_where_all_answers_are_true(informed: Brief) -> None:
    here = replace(informed, options={**informed.options, "steps": 2})
    control, attack = RealData().extract(Door(0), here), SRResNetAttack().extract(Door(here.budget), here)
    assert equal(control, attack)


def test_without_the_truth_it_is_refused(door: Door, brief: Brief) -> None:
    with pytest.raises(PlanError, match="needs the truth"):
        RealData().extract(door, brief)
