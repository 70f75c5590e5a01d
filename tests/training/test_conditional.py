"""Fitting a U-Net to pairs against a discriminator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from training_factory import Interrupted, checkpoint_every_step, equal, stopping_at

from gexbench.core.images import round_8bit, to_uint8
from gexbench.errors import PlanError
from gexbench.training.conditional import ConditionalOptions, ConditionalTraining, fit_conditional
from gexbench.training.loop import TrainingContext
from gexbench.training.patches import Pairs
from gexbench.training.wavelets import high_frequency_loss

OPTIONS = ConditionalOptions(
    depth=3,
    channels=8,
    dropout=0.0,
    discriminator_channels=4,
    steps=6,
    batch=4,
    crop=24,
    lr=2e-3,
    l1_weight=100.0,
)
MINDFUL = replace(OPTIONS, wavelet_weight=0.15, sam_rho=0.05)


def photos(number: int, seed: int) -> Tensor:
    noise = torch.rand(number, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return round_8bit(F.interpolate(noise, size=(24, 24), mode="nearest"))


def painted(x: Tensor) -> Tensor:
    """Swap colours and darken."""
    return round_8bit(0.7 * x.flip(1))


@pytest.fixture
def pairs() -> Pairs:
    x = photos(12, 0)
    return Pairs(list(to_uint8(x)), list(to_uint8(painted(x))), 1)


@pytest.mark.parametrize("options", [OPTIONS, MINDFUL], ids=["pix2pix", "wavelet-sam"])
def test_it_learns_what_the_pairs_show(pairs: Pairs, context: TrainingContext, options: ConditionalOptions) -> None:
    net, x = fit_conditional(pairs, replace(options, steps=150), context), photos(6, 1)
    with torch.no_grad():
        gap = (net(x) - painted(x)).abs().mean()
    assert not net.training
    assert float(gap) < 0.5 * float((x - painted(x)).abs().mean())


def test_no_crop_takes_images_whole(pairs: Pairs, context: TrainingContext, tmp_path: Path) -> None:
    whole = fit_conditional(pairs, replace(OPTIONS, crop=0), context)
    assert equal(whole, fit_conditional(pairs, OPTIONS, replace(context, workdir=tmp_path / "b")))


def test_a_crop_too_small_to_be_judged_is_refused() -> None:
    with pytest.raises(PlanError, match="crops of 16 pixels are too small for the discriminator"):
        replace(OPTIONS, crop=16)


@pytest.mark.parametrize("options", [replace(OPTIONS, dropout=0.5, depth=6, crop=64), MINDFUL], ids=["dropout", "sam"])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    pairs: Pairs, context: TrainingContext, tmp_path: Path, options: ConditionalOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint_every_step(monkeypatch)
    with pytest.raises(Interrupted):
        fit_conditional(pairs, options, replace(context, progress=stopping_at(4)))
    stopped = fit_conditional(pairs, options, context)
    assert equal(stopped, fit_conditional(pairs, options, replace(context, workdir=tmp_path / "other")))


def test_the_seed_alone_decides_the_weights(pairs: Pairs, context: TrainingContext, tmp_path: Path) -> None:
    first = fit_conditional(pairs, OPTIONS, context)
    torch.rand(7)
    assert equal(fit_conditional(pairs, OPTIONS, replace(context, workdir=tmp_path / "b")), first)
    assert not equal(fit_conditional(pairs, OPTIONS, replace(context, workdir=tmp_path / "c", seed=1)), first)


def test_the_global_generator_is_left_as_it_was(pairs: Pairs, context: TrainingContext) -> None:
    before = torch.random.get_rng_state()
    fit_conditional(pairs, replace(OPTIONS, dropout=0.5, depth=6, crop=64), context)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("changed", [{"wavelet_weight": 0.15}, {"sam_rho": 0.05}, {"l1_weight": 10.0}])
def test_every_term_changes_what_is_learned(
    pairs: Pairs, context: TrainingContext, tmp_path: Path, changed: dict[str, float]
) -> None:
    plain = fit_conditional(pairs, OPTIONS, context)
    other = fit_conditional(pairs, replace(OPTIONS, **changed), replace(context, workdir=tmp_path / "b"))
    assert not equal(plain, other)


def test_the_wavelet_term_comes_in_as_the_rate_falls() -> None:
    rates = [MINDFUL.rate(step) for step in range(MINDFUL.steps)]
    assert rates[0] == 1.0
    assert rates == sorted(rates, reverse=True)
    assert OPTIONS.rate(OPTIONS.steps // 2) == 1.0


class Grey(nn.Module):
    """A generator of one shade that ignores its input."""

    def __init__(self) -> None:
        super().__init__()
        self.shade = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.shade.expand_as(x)


def test_the_discriminator_sees_the_question_first_and_the_answer_behind_it(
    pairs: Pairs, context: TrainingContext
) -> None:
    training, seen = ConditionalTraining(Grey(), OPTIONS, context), list[Tensor]()
    training.judge.register_forward_pre_hook(lambda net, given: seen.append(given[0].detach()))
    training.step(pairs, 0)
    questions, answers = zip(*(x.chunk(2, dim=1) for x in seen), strict=True)
    assert all(torch.equal(x, questions[0]) for x in questions)
    assert torch.equal(answers[0], painted(questions[0]))
    assert [bool((y == 0.5).all()) for y in answers] == [False, True, True]


def test_the_discriminator_learns_that_answers_are_real_and_what_is_made_is_not(
    pairs: Pairs, context: TrainingContext
) -> None:
    training = ConditionalTraining(Grey(), replace(OPTIONS, crop=24, lr=1e-2), context)
    for number in range(30):
        training.step(pairs, number % OPTIONS.steps)
    x = photos(4, 0)
    with torch.no_grad():
        real, made = (
            float(training.judge(torch.cat([x, y], dim=1)).mean()) for y in (painted(x), torch.full_like(x, 0.5))
        )
    assert real > 0.0 > made


def test_the_wavelet_term_is_nothing_at_first_and_twice_its_weight_once_the_rate_is_gone(
    context: TrainingContext,
) -> None:
    training, x = ConditionalTraining(Grey(), MINDFUL, context), photos(2, 0)
    made, wanted = 0.5 * x, painted(x)
    found = [float(training._maker_losses(x, wanted, made, step)["wavelet"].detach()) for step in (0, 3, 6)]
    whole = 2.0 * 0.15 * float(high_frequency_loss(made, wanted))
    assert found == pytest.approx([0.0, whole / 2.0, whole])
