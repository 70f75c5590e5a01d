"""A service that draws images: what it sells, what it tells, and how it is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.core.dataset import Dataset, Split
from gexbench.core.defense import Defense, History
from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine.attacker.oracle import MeteredOracle
from gexbench.engine.kinds.endpoint import Endpoint, OpenVictim, Weights
from gexbench.engine.kinds.evidence import TestEvidence as Shown
from gexbench.engine.kinds.image_to_image import ImageEndpoint
from gexbench.engine.kinds.kind import Copy, Witnesses
from gexbench.engine.kinds.sampling import KIND, Latents, SamplingEndpoint, surrogate_latents
from gexbench.engine.service.ledger import Ledger, transfer_set
from gexbench.engine.service.meter import Meter
from gexbench.engine.wire.messages import AnswerUnmetered, DrawUnmetered
from gexbench.errors import BudgetError, PlanError, QueryError, RunFailed
from gexbench.plan import Identity, Plan, Request, resolve

from ..fronts import front


class Painter:
    """Three numbers are the colour of an image of 8x8 pixels."""

    digest, latent_size = "0" * 64, 3

    def answer(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)[:, :, None, None].expand(-1, 3, 8, 8)

    def secret(self, use: str) -> bytes:
        return use.encode()

    def weights(self) -> Weights:
        return Weights("", {})

    def with_weights(self, weights: Weights) -> OpenVictim:
        return self


class Darker(Defense):
    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        assert z.shape == (1, 3)
        return z

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        assert x.shape == (1, 3)
        return y / 2


class Mirrored(Defense):
    """Draws from the latent's opposite."""

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        return -z

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        raise AssertionError("no image is fed to a service that draws")


def desk(
    seed: int = 0, key: bytes = b"secret", tells: bool = False, defense: Defense | None = None
) -> SamplingEndpoint:
    return SamplingEndpoint(front(KIND.way, Painter(), defense, seed), Latents(key, 3, seed), 8, tells)


class Metered(MeteredOracle):
    """An oracle beside its ledger, in one process."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(KIND, meter.budget, meter.ask)
        self.ledger = meter.ledger


def meter(folder: Path, endpoint: Endpoint, budget: int = 10) -> Metered:
    return Metered(Meter(endpoint, Ledger(folder / "ledger.sqlite", "plan", budget)))


def test_every_image_is_new_and_costs_one(tmp_path: Path) -> None:
    oracle = meter(tmp_path, desk())
    first, second = oracle.sample(4).images, oracle.sample(4).images
    assert first.shape == (4, 3, 8, 8)
    assert len({image.numpy().tobytes() for image in torch.cat([first, second])}) == 8
    assert (oracle.remaining, oracle.ledger.account().answered) == (2, 8)


def test_how_images_are_asked_for_does_not_change_them(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, other = meter(tmp_path, desk()), meter(tmp_path / "b", desk())
    singly = torch.cat([one.sample(1).images for _ in range(5)])
    assert torch.equal(singly, other.sample(5).images)


def test_after_a_restart_the_same_images_come_again_for_nothing(tmp_path: Path) -> None:
    before = meter(tmp_path, desk()).sample(6).images
    again = meter(tmp_path, desk())
    assert torch.equal(again.sample(8).images[:6], before)
    account = again.ledger.account()
    assert (account.answered, account.replayed, account.sessions) == (8, 6, 2)


def test_images_beyond_the_budget_are_refused_and_cost_nothing(tmp_path: Path) -> None:
    oracle = meter(tmp_path, desk())
    oracle.sample(8)
    with pytest.raises(BudgetError, match="2 of 10 left"):
        oracle.sample(3)
    assert oracle.sample(2).images.shape[0] == 2
    assert oracle.ledger.account().refused == 3


@pytest.mark.parametrize("n", [0, -1, 2.0, True, 10**9], ids=str)
def test_a_count_that_is_none_is_refused(tmp_path: Path, n: object) -> None:
    oracle = meter(tmp_path, desk())
    with pytest.raises(QueryError, match="cannot draw"):
        oracle.sample(n)  # type: ignore[arg-type]
    assert oracle.ledger.account().answered == 0


def test_a_service_that_draws_takes_no_images(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="draws images and takes none"):
        meter(tmp_path, desk()).query(torch.rand(1, 3, 8, 8))


def test_a_service_that_takes_images_draws_none(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="takes images and draws none"):
        meter(tmp_path, ImageEndpoint(front(KIND.way, Painter()), 1)).sample(1)


def test_latents_leave_only_where_they_are_granted(tmp_path: Path) -> None:
    assert meter(tmp_path, desk()).sample(2).latents is None
    (tmp_path / "b").mkdir()
    told = meter(tmp_path / "b", desk(tells=True)).sample(2)
    assert told.latents is not None
    assert torch.equal(made_from(told.latents), told.images)


def made_from(latents: Tensor) -> Tensor:
    """Return what the victim makes of latents, as an API would send it."""
    return from_uint8(desk().front.plain(latents))


def test_latents_are_standard_normal() -> None:
    latents = desk().latents.drawn("queried", range(4000))
    assert latents.mean(0).abs().max() < 0.06
    assert (latents.std(0) - 1.0).abs().max() < 0.04


@pytest.mark.parametrize("other", [desk(seed=1), desk(key=b"other")], ids=["seed", "weights"])
def test_latents_depend_on_the_seed_and_on_what_only_the_owner_has(other: SamplingEndpoint) -> None:
    assert not torch.equal(other.latents.drawn("queried", [0]), desk().latents.drawn("queried", [0]))


def test_images_of_the_test_are_never_drawn_for_clients_and_are_the_same_in_every_run() -> None:
    queried = {image.numpy().tobytes() for image in desk().front.plain(desk().latents.drawn("queried", range(50)))}
    tested = desk().unmetered(DrawUnmetered(first=0, n=50)).plain
    assert not queried & {image.numpy().tobytes() for image in tested}
    assert torch.equal(tested, desk(seed=5).unmetered(DrawUnmetered(first=0, n=50)).plain)
    assert torch.equal(tested[20:], desk().unmetered(DrawUnmetered(first=20, n=30)).plain)


def test_a_service_that_draws_answers_no_test_inputs() -> None:
    with pytest.raises(QueryError, match="takes none"):
        desk().unmetered(AnswerUnmetered(x=torch.zeros(1, 3, 8, 8, dtype=torch.uint8)))


def test_a_defense_sees_latents_and_changes_what_leaves() -> None:
    plain, defended = desk(), desk(defense=Darker({}))
    latents = plain.latents.drawn("queried", range(3))
    half = from_uint8(plain.front.plain(latents)) * 127.5
    assert (defended.front.answer(latents, [b"1", b"2", b"3"], 0).float() - half).abs().max() <= 0.5
    answers = defended.unmetered(DrawUnmetered(first=0, n=2))
    assert answers.guarded is not None


def test_a_defense_may_change_the_latent_that_is_fed() -> None:
    latents = desk().latents.drawn("queried", range(3))
    left = desk(defense=Mirrored({})).front.answer(latents, [b"1", b"2", b"3"], 0)
    assert torch.equal(left, desk().front.plain(-latents))


def test_both_moments_of_a_defense_are_tried_before_a_run() -> None:
    tried = [(moment, fault) for moment, _, fault in KIND.try_defense(Mirrored({}), 1)]
    assert tried == [("guard_latent", ""), ("guard_output", "")]


class Halving(Defense):
    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        return z[:, ::2]


def test_a_defense_that_returns_other_latents_is_told_what_they_should_be() -> None:
    faults = {moment: fault for moment, _, fault in KIND.try_defense(Halving({}), 1)}
    assert faults == {"guard_latent": "torch.float32 (1, 8), not floats of (1, 16)", "guard_output": ""}


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""


def plan(samples: int, against: str = "reference") -> Plan:
    """Return a plan of a service of 8 px that is scored on so many images, by a metric held against something."""
    made = resolve(Request("latent-fidelity", "sngan"), Catalog.load(), Identity("", "", ""))
    scale = made.scale.model_copy(update={"samples": samples, "side": 8})
    task = made.task.model_copy(update={"profile": {"mini": scale}})
    metrics = tuple(metric for metric in made.metrics if metric.against == against)
    return made.model_copy(update={"task": task, "metrics": metrics})


def evidence(
    samples: int,
    surrogate: Callable[[Tensor], Tensor] | None,
    service: SamplingEndpoint | None = None,
    queried: Sequence[bytes] | None = None,
    latent_size: int | None = 5,
) -> Shown:
    """Return the evidence on a split of two real images; queried: what the service answered, None where unasked for."""
    split = Split(("a", "b"), (), (torch.zeros(3, 8, 8), torch.ones(3, 8, 8)))
    witnesses = Witnesses(
        plan(samples, "reference" if queried is None else "queried"),
        {"real": split},
        (service or desk()).unmetered,
        Copy(surrogate, latent_size) if surrogate is not None else None,
        lambda: queried or [],
    )
    return KIND.evidence(witnesses, quiet)["real"]


def grey(z: Tensor) -> Tensor:
    return torch.sigmoid(z[:, :1])[:, :, None, None].expand(-1, 3, 8, 8)


def test_victim_and_surrogate_draw_as_many_images_as_the_task_asks() -> None:
    drawn = evidence(70, grey)
    assert drawn.surrogate is not None
    assert (len(drawn.victim), len(drawn.surrogate), drawn.guarded) == (70, 70, None)
    assert (drawn.names, len(drawn.truth), drawn.inputs) == (("a", "b"), 2, ())
    assert len({image.numpy().tobytes() for image in drawn.surrogate}) > 40


def test_evidence_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(f"{__name__}.quiet", lambda *words: told.append(words))
    evidence(70, grey)
    assert told == [("collecting evidence", 64, 70), ("collecting evidence", 70, 70)]


def test_the_victim_control_draws_no_surrogates_images() -> None:
    assert evidence(3, None).surrogate is None


def test_what_a_surrogate_draws_depends_on_the_number_of_the_image_alone() -> None:
    assert torch.equal(surrogate_latents(range(9), 5, 0)[4:], surrogate_latents(range(4, 9), 5, 0))


@pytest.mark.parametrize(
    ("surrogate", "reason"), [(lambda z: z, "returned shape"), (lambda z: grey(z) + 1.0, "outside")]
)
def test_a_surrogate_that_draws_no_images_fails_with_the_reason(
    surrogate: Callable[[Tensor], Tensor], reason: str
) -> None:
    with pytest.raises(RunFailed, match=reason):
        evidence(3, surrogate)


def test_a_surrogate_that_says_no_latent_size_fails_with_the_reason() -> None:
    with pytest.raises(RunFailed, match="has no latent_size"):
        evidence(3, grey, latent_size=None)


@pytest.mark.parametrize("defense", [None, Darker({})], ids=["plain", "guarded"])
def test_beside_what_was_queried_stands_as_much_that_never_was(tmp_path: Path, defense: Defense | None) -> None:
    service = desk(defense=defense)
    oracle = meter(tmp_path, service, budget=40)
    asked = oracle.sample(30).images
    answers = service.unmetered(DrawUnmetered(first=0, n=30))
    for tested in (10, 30, 40):
        both = evidence(tested, grey, service, transfer_set(tmp_path / "ledger.sqlite"))
        assert len(both.victim) == tested
        assert torch.equal(torch.stack(list(both.queried or ())), torch.stack([to_uint8(image) for image in asked]))
        never = torch.stack(list(both.unqueried or ()))
        assert torch.equal(never, answers.plain if answers.guarded is None else answers.guarded)


def test_a_ledger_gives_back_what_left_in_the_order_it_was_paid_for(tmp_path: Path) -> None:
    oracle = meter(tmp_path, desk(defense=Darker({})))
    asked = torch.cat([oracle.sample(2).images, oracle.sample(3).images])
    assert transfer_set(tmp_path / "ledger.sqlite") == [to_uint8(image).numpy().tobytes() for image in asked]


def test_nothing_queried_needs_nothing_beside_it() -> None:
    nothing = evidence(2, grey, queried=[])
    assert (nothing.queried, nothing.unqueried) == ((), ())


@pytest.mark.parametrize("field", ["samples", "side"])
def test_a_task_that_does_not_say_what_is_drawn_is_refused(field: str) -> None:
    made = plan(4)
    task = made.task.model_copy(update={"profile": {"mini": made.scale.model_copy(update={field: None})}})
    with pytest.raises(PlanError, match=f"lacks profile.mini.{field}"):
        KIND.check(made.model_copy(update={"task": task}), cast(Dataset, None))


def drawn(first: int, n: int) -> tuple[Tensor, ...]:
    return tuple(torch.full((3, 8, 8), first + i, dtype=torch.uint8) for i in range(n))


def test_ownership_of_what_draws_is_judged_on_images_and_plain_answers_on_others_than_the_plain_ones() -> None:
    def choose(common: Sequence[Tensor]) -> Sequence[Tensor]:
        raise AssertionError("nothing is asked here")

    test = Shown((), (), (), drawn(0, 7), drawn(100, 7), drawn(200, 7))
    found = KIND.exhibits({"a": test}, cast(Witnesses, None), choose)
    levels = [[int(y[0, 0, 0]) for y in part] for part in (found.suspect, found.plain, found.marked, found.unmarked)]
    assert levels == [[200, 201, 202], [0, 1, 2], [103, 104, 105], [3, 4, 5]]
    assert found.inputs == ()


def test_another_model_draws_as_many_from_latents_that_are_always_the_same() -> None:
    test = Shown((), (), (), drawn(0, 140), drawn(0, 140), drawn(0, 140))
    found = KIND.exhibits({"a": test}, cast(Witnesses, None), lambda common: common)
    one, two = (KIND.shown(Copy(Painter().answer, 3), found) for _ in range(2))
    assert len(one) == 70
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    with pytest.raises(RunFailed, match="returned shape"):
        KIND.shown(Copy(lambda z: torch.zeros(len(z), 3, 4, 4), 3), found)
