"""A service that draws images: what it sells, what it tells, and how it is scored."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense, History
from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine.kinds.evidence import Drawn, Maker, draw
from gexbench.engine.kinds.sampling import SamplingDesk
from gexbench.engine.service.ledger import Ledger, answers_sold
from gexbench.engine.service.meter import Desk, Meter
from gexbench.engine.service.process import draw_test
from gexbench.errors import BudgetError, QueryError, RunFailed

CPU = torch.device("cpu")


class Painter(nn.Module):
    """Three numbers are the colour of an image of 8x8 pixels."""

    latent_size = 3

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)[:, :, None, None].expand(-1, 3, 8, 8)


class Darker(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        assert x.shape == (1, 3)
        return y / 2


def desk(seed: int = 0, secret: bytes = b"secret", tells: bool = False, defense: Defense | None = None) -> SamplingDesk:
    return SamplingDesk(Painter(), defense or Defense({}), CPU, seed, 8, secret, tells)


def meter(folder: Path, desk: SamplingDesk | Desk, budget: int = 10) -> Meter:
    return Meter(desk, Ledger(folder / "ledger.sqlite", "plan", budget))


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
        meter(tmp_path, Desk(nn.Identity(), Defense({}), CPU, 1, 0)).sample(1)


def test_latents_leave_only_where_they_are_granted(tmp_path: Path) -> None:
    assert meter(tmp_path, desk()).sample(2).latents is None
    (tmp_path / "b").mkdir()
    told = meter(tmp_path / "b", desk(tells=True)).sample(2)
    assert told.latents is not None
    assert torch.equal(made_from(told.latents), told.images)


def made_from(latents: Tensor) -> Tensor:
    """Return what the victim makes of latents, as an API would send it."""
    return from_uint8(desk().plain(latents))


def test_latents_are_standard_normal() -> None:
    latents = desk().latents("sold", range(4000))
    assert latents.mean(0).abs().max() < 0.06
    assert (latents.std(0) - 1.0).abs().max() < 0.04


@pytest.mark.parametrize("other", [desk(seed=1), desk(secret=b"other")], ids=["seed", "weights"])
def test_latents_depend_on_the_seed_and_on_what_only_the_owner_has(other: SamplingDesk) -> None:
    assert not torch.equal(other.latents("sold", [0]), desk().latents("sold", [0]))


def test_images_of_the_test_are_never_sold_and_are_the_same_in_every_run() -> None:
    sold = {image.numpy().tobytes() for image in desk().plain(desk().latents("sold", range(50)))}
    tested = draw_test(desk(), 0, 50)["plain"]
    assert not sold & {image.numpy().tobytes() for image in tested}
    assert torch.equal(tested, draw_test(desk(seed=5), 0, 50)["plain"])
    assert torch.equal(tested[20:], draw_test(desk(), 20, 30)["plain"])


def test_a_defense_sees_latents_and_changes_what_leaves() -> None:
    plain, defended = desk(), desk(defense=Darker({}))
    latents = plain.latents("sold", range(3))
    half = from_uint8(plain.plain(latents)) * 127.5
    assert (defended.guarded(latents, [b"1", b"2", b"3"], 0).float() - half).abs().max() <= 0.5
    answers = draw_test(defended, 0, 2)
    assert set(answers) == {"plain", "guarded"}


def maker(infer: nn.Module, size: int = 5) -> Maker:
    return Maker(infer, size, seed=0)


class Grey(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z[:, :1])[:, :, None, None].expand(-1, 3, 8, 8)


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""


def test_victim_and_surrogate_draw_as_many_images_as_the_task_asks() -> None:
    drawn = draw(70, lambda first, n: draw_test(desk(), first, n), maker(Grey()), quiet)
    assert drawn.surrogate is not None
    assert (len(drawn.victim), len(drawn.surrogate), drawn.guarded) == (70, 70, None)
    assert len({image.numpy().tobytes() for image in drawn.surrogate}) > 40


def test_what_a_surrogate_draws_depends_on_the_number_of_the_image_alone() -> None:
    assert torch.equal(maker(Grey()).latents(range(9))[4:], maker(Grey()).latents(range(4, 9)))


@pytest.mark.parametrize(
    ("surrogate", "reason"), [(nn.Identity(), "returned shape"), (lambda z: Grey()(z) + 1.0, "outside")]
)
def test_a_surrogate_that_draws_no_images_fails_with_the_reason(surrogate: nn.Module, reason: str) -> None:
    with pytest.raises(RunFailed, match=reason):
        draw(3, lambda first, n: draw_test(desk(), first, n), maker(surrogate), quiet)


@pytest.mark.parametrize("defense", [None, Darker({})], ids=["plain", "guarded"])
def test_beside_what_was_sold_stands_as_much_that_never_was(tmp_path: Path, defense: Defense | None) -> None:
    service = desk(defense=defense)
    oracle = meter(tmp_path, service, budget=40)
    bought = oracle.sample(30).images
    sold = tuple(torch.stack([to_uint8(image) for image in bought]))
    for tested in (10, 30, 40):
        drawn = draw(tested, lambda first, n: draw_test(service, first, n), maker(Grey()), quiet)
        both = drawn.after(sold, lambda first, n: draw_test(service, first, n), quiet)
        assert (both.sold, len(both.unsold or ()), both.victim) == (sold, 30, drawn.victim)
        answers = draw_test(service, 0, 30)
        assert torch.equal(torch.stack(list(both.unsold or ())), answers.get("guarded", answers["plain"]))


def test_a_ledger_gives_back_what_left_in_the_order_it_was_paid_for(tmp_path: Path) -> None:
    oracle = meter(tmp_path, desk(defense=Darker({})))
    bought = torch.cat([oracle.sample(2).images, oracle.sample(3).images])
    assert answers_sold(tmp_path / "ledger.sqlite") == [to_uint8(image).numpy().tobytes() for image in bought]


def test_nothing_sold_needs_nothing_beside_it() -> None:
    nothing = Drawn((), None, ()).after((), lambda first, n: {}, quiet)
    assert (nothing.sold, nothing.unsold) == ((), ())
