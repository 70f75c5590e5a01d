"""The meter: the budget is a law."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.core.adapt import adapted
from gexbench.core.defense import Defense, History
from gexbench.core.images import round_8bit
from gexbench.engine.attacker.oracle import MeteredOracle
from gexbench.engine.kinds.endpoint import OpenVictim, Weights
from gexbench.engine.kinds.image_to_image import KIND, ImageEndpoint
from gexbench.engine.kinds.sampling import KIND as DRAWS
from gexbench.engine.kinds.sampling import Latents, SamplingEndpoint
from gexbench.engine.service.ledger import Ledger
from gexbench.engine.service.meter import Meter
from gexbench.engine.wire import questions
from gexbench.engine.wire.messages import Answer, Refused, Sample
from gexbench.errors import BudgetError, QueryError

from ..fronts import front


class Double:
    """A victim that doubles the side and inverts."""

    digest = "0" * 64
    latent_size: int | None = None

    def answer(self, x: Tensor) -> Tensor:
        return 1 - x.repeat_interleave(2, -1).repeat_interleave(2, -2)

    def secret(self, use: str) -> bytes:
        return use.encode()

    def weights(self) -> Weights:
        return Weights("", {})

    def with_weights(self, weights: Weights) -> OpenVictim:
        return self


class Painter(Double):
    """A victim that draws images of one colour."""

    latent_size = 3

    def answer(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)[:, :, None, None].expand(-1, 3, 8, 8)


class Noise(Defense):
    """Draws from the question's own generator."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return (y + 0.1 * torch.randn(y.shape, generator=history.generator)).clamp(0, 1)


class Metered(MeteredOracle):
    """An oracle beside its meter, in one process."""

    def __init__(self, meter: Metered) -> None:
        super().__init__(KIND, meter.budget, meter.ask)
        self.meter, self.ledger = meter, meter.ledger


def make_meter(path: Path, budget: int = 10, defense: Defense | None = None, side: int | None = None) -> Metered:
    endpoint = ImageEndpoint(front(KIND.way, Double(), defense), 2, side=side)
    return Metered(Meter(endpoint, Ledger(path / "ledger.sqlite", "plan", budget)))


@pytest.fixture
def meter(tmp_path: Path) -> Metered:
    return make_meter(tmp_path)


def images(count: int, seed: int = 0, side: int = 8) -> Tensor:
    return round_8bit(torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)))


def test_an_answer_is_the_victims_rounded_to_8_bits(meter: Metered) -> None:
    x = images(2)
    answer = meter.query(x)
    assert torch.equal(answer, round_8bit(Double().answer(x)))


def test_every_image_counts_once(meter: Metered) -> None:
    meter.query(images(3))
    assert meter.remaining == 7
    assert meter.ledger.account().answered == 3


def test_a_batch_over_the_budget_is_refused_whole_and_costs_nothing(meter: Metered) -> None:
    meter.query(images(8))
    with pytest.raises(BudgetError, match="2 of 10 left"):
        meter.query(images(3, seed=1))
    assert meter.remaining == 2
    account = meter.ledger.account()
    assert (account.answered, account.refused) == (8, 3)
    meter.query(images(2, seed=2))
    assert meter.remaining == 0


def test_a_question_asked_again_is_replayed_for_nothing(meter: Metered) -> None:
    first = meter.query(images(4))
    assert torch.equal(meter.query(images(4)), first)
    account = meter.ledger.account()
    assert (account.answered, account.replayed) == (4, 4)


def test_a_question_twice_in_one_batch_is_paid_once(meter: Metered) -> None:
    x = images(1)
    answer = meter.query(torch.cat([x, x]))
    assert torch.equal(answer[0], answer[1])
    assert meter.ledger.account().answered == 1


def test_known_questions_do_not_count_against_the_budget_of_a_batch(meter: Metered) -> None:
    meter.query(images(8))
    meter.query(torch.cat([images(8), images(2, seed=1)]))
    assert meter.ledger.spent == 10


def test_after_a_restart_spent_stays_spent_and_the_attack_meets_the_same_numbers(tmp_path: Path) -> None:
    first = make_meter(tmp_path)
    answers = first.query(images(8))
    first.ledger.close()
    second = make_meter(tmp_path)
    assert second.remaining == 10
    assert torch.equal(second.query(images(8)), answers)
    assert second.remaining == 2
    assert second.ledger.spent == 8
    with pytest.raises(BudgetError):
        second.query(images(3, seed=5))


def test_another_path_through_the_questions_after_a_restart_cannot_spend_more(tmp_path: Path) -> None:
    first = make_meter(tmp_path)
    first.query(images(8))
    first.ledger.close()
    second = make_meter(tmp_path)
    with pytest.raises(BudgetError, match="2 of 10 left"):
        second.query(images(3, seed=9))


def test_a_defense_that_draws_gives_the_same_answer_to_the_same_question(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, other = make_meter(tmp_path, defense=Noise({})), make_meter(tmp_path / "other", defense=Noise({}))
    together = one.query(images(4))
    alone = torch.cat([other.query(image[None]) for image in reversed(images(4))])
    assert torch.equal(together, alone.flip(0))


def test_a_closed_oracle_refuses(meter: Metered) -> None:
    meter.meter.close()
    with pytest.raises(QueryError, match="closed"):
        meter.query(images(1))


def test_a_closed_service_draws_no_more_either(tmp_path: Path) -> None:
    painter = SamplingEndpoint(front(DRAWS.way, Painter()), Latents(b"key", 3, seed=0), side=8)
    meter = Meter(painter, Ledger(tmp_path / "ledger.sqlite", "plan", 10))
    assert isinstance(meter.ask(Sample(n=2)), Answer)
    meter.close()
    refused = meter.ask(Sample(n=3))
    assert isinstance(refused, Refused)
    assert (refused.message, refused.over) == ("the oracle has closed: the attack has ended", False)
    assert refused.remaining == 8
    account = meter.ledger.account()
    assert (account.answered, account.refused) == (2, 3)


def test_asked_is_all_that_was_answered_replayed_and_refused(meter: Metered) -> None:
    meter.query(images(4))
    meter.query(images(4))
    for wrong in (images(7, seed=1), images(2, side=4)):
        with pytest.raises(QueryError):
            meter.query(wrong)
    meter.meter.close()
    with pytest.raises(QueryError):
        meter.query(images(1))
    account = meter.ledger.account()
    assert (account.answered, account.replayed, account.refused) == (4, 4, 7 + 2 + 1)
    assert account.asked == 4 + 4 + 10


@pytest.mark.parametrize("n", [0, -2, True, "5", 2.0, None], ids=repr)
def test_a_count_that_is_none_counts_no_images_refused(tmp_path: Path, n: object) -> None:
    painter = SamplingEndpoint(front(DRAWS.way, Painter()), Latents(b"key", 3, seed=0), side=8)
    meter = Meter(painter, Ledger(tmp_path / "ledger.sqlite", "plan", 10))
    assert isinstance(meter.ask(Sample(n=n)), Refused)
    assert meter.ledger.account().refused == 0


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (lambda: images(1)[0], "not \\(3, 8, 8\\)"),
        (lambda: images(1)[:, :1], "batch"),
        (lambda: images(1) + 1, "outside"),
        (lambda: images(1) * float("nan"), "NaN"),
        (lambda: (images(1) * 255).byte(), "float tensor"),
        (lambda: images(1, side=4), "sides of 8"),
        (lambda: images(0), "at least one|not \\(0"),
        (lambda: "picture", "float tensor"),
    ],
)
def test_a_bad_question_is_refused_by_name_and_costs_nothing(
    meter: Metered, question: Callable[[], Tensor], reason: str
) -> None:
    with pytest.raises(QueryError, match=reason):
        meter.query(question())
    assert meter.ledger.spent == 0


def test_a_service_of_one_size_refuses_every_other_and_charges_nothing(tmp_path: Path) -> None:
    meter = make_meter(tmp_path, side=8)
    meter.query(images(1))
    with pytest.raises(QueryError, match="images of 16x16 px; the service takes 8x8"):
        meter.query(images(1, side=16))
    assert meter.remaining == 9


def test_once_evidence_has_begun_a_later_session_gets_old_answers_and_no_new_ones(tmp_path: Path) -> None:
    first = make_meter(tmp_path)
    answers = first.query(images(3))
    first.ledger.shut()
    first.ledger.close()
    second = make_meter(tmp_path)
    assert torch.equal(second.query(images(3)), answers)
    with pytest.raises(QueryError, match="shut for good when its evidence began"):
        second.query(images(4))
    assert (second.ledger.spent, second.ledger.account().refused) == (3, 4)


def test_a_batch_whose_answers_are_more_than_one_message_holds_is_refused_though_it_costs_nothing(
    meter: Metered, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = images(1)
    meter.query(x)
    monkeypatch.setattr(questions, "BYTES_AT_ONCE", 3 * 16 * 16 * 4)
    assert len(meter.query(x.repeat(4, 1, 1, 1))) == 4
    with pytest.raises(QueryError, match="the answers to 5 such images are too much at once") as refused:
        meter.query(x.repeat(5, 1, 1, 1))
    assert refused.value.hint == "ask for 4 at a time"


def test_a_request_for_more_images_than_can_be_counted_is_refused_like_any_other(tmp_path: Path) -> None:
    meter = make_meter(tmp_path)
    with pytest.raises(QueryError):
        meter.sample(10**40)
    assert meter.ledger.account().refused > 0


def test_every_copy_that_an_adapted_oracle_asks_stands_in_the_ledger(meter: Metered) -> None:
    asking = adapted(meter, {"jitter": 3}, seed=0)
    first = asking.query(images(1))
    assert (meter.ledger.account().answered, asking.budget, asking.remaining) == (3, 3, 2)
    assert torch.equal(asking.query(images(1)), first)
    assert (meter.ledger.account().answered, meter.ledger.account().replayed) == (3, 3)


def test_an_adapted_oracle_never_goes_over_the_budget(meter: Metered) -> None:
    asking = adapted(meter, {"jitter": 3}, seed=0)
    asking.query(images(asking.budget))
    with pytest.raises(BudgetError):
        asking.query(images(1, seed=1))
    assert meter.ledger.account().answered == 9


@pytest.mark.parametrize("copies", [4, 9])
def test_noise_that_belongs_to_the_question_is_averaged_away_by_shifted_copies(tmp_path: Path, copies: int) -> None:
    x = round_8bit(0.4 + 0.2 * images(1, side=64))  # far from where noise is clamped
    plain = Double().answer(x)
    errors = []
    for jitter in (1, copies):
        (folder := tmp_path / str(jitter)).mkdir()
        noisy = make_meter(folder, defense=Noise({}))
        errors.append(float((adapted(noisy, {"jitter": jitter}, seed=0).query(x) - plain)[..., 8:-8, 8:-8].std()))
    assert errors[1] == pytest.approx(errors[0] / copies**0.5, rel=0.05)
