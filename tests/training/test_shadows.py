"""Surrogates that an owner makes of a marked service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from owner_factory import scenes
from training_factory import context_in

from gexbench.core.images import to_uint8
from gexbench.errors import PlanError
from gexbench.training import shadows as module
from gexbench.training.hiding import HidingOptions, fingerprint_training
from gexbench.training.owner_answers import Answered
from gexbench.training.shadows import check_shadows, shadows


def _answered(height: int = 32, width: int = 32) -> Answered:
    images = [to_uint8(image) for image in scenes(6, height, width)]
    return Answered(images, images)


def test_two_shadows_learn_opposite_secrets_that_the_seed_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NUMBERS", replace(module.NUMBERS, channels=4, discriminator_channels=4))
    training = fingerprint_training(8, HidingOptions(32, 16.0, 5, 0.002), context_in(tmp_path))
    one, other = shadows(training, _answered(), 3)
    assert torch.equal(one.secret, 1 - other.secret)
    assert {tuple(answer.shape) for answer in (*one.answers, *other.answers)} == {(3, 32, 32)}
    assert not torch.equal(one.answers[0], other.answers[0])
    again = shadows(training, _answered(), 3)
    assert torch.equal(one.answers[0], again[0].answers[0])


@pytest.mark.parametrize(
    "answered",
    [
        Answered((), _answered().answers),
        Answered(_answered(16, 16).answers, _answered().answers),
        _answered(32, 48),
        _answered(40, 40),
    ],
)
def test_services_that_no_shadow_can_copy_are_refused_in_one_line(answered: Answered) -> None:
    check_shadows(_answered())
    with pytest.raises(PlanError, match="shadow_steps needs a service whose questions and answers are squares"):
        check_shadows(answered)
