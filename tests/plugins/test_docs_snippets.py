"""The code and the cards in the two pages for authors work as they stand."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gexbench.cards.catalog import check
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.core.attack import Brief
from gexbench.core.defense import Claim, Defense, History, Place, Trial
from gexbench.core.oracle import Samples
from gexbench.engine.kinds.kind import task_kind

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Bright:
    """An oracle that counts, and answers with white."""

    budget = remaining = 5

    def query(self, x: Tensor) -> Tensor:
        """Answer a batch."""
        self.remaining -= len(x)
        return torch.ones(len(x), 3, 2 * x.shape[2], 2 * x.shape[3])


class Painter:
    """An oracle that counts, and draws images of one grey each."""

    budget = remaining = 5

    def sample(self, n: int) -> Samples:
        """Draw."""
        self.remaining -= n
        return Samples(torch.linspace(0, 1, n)[:, None, None, None].expand(n, 3, 8, 8))


def _blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def _run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(code, "snippet", "exec"), names)
    return names


def _class(page: str, name: str) -> Any:
    """Return a class that a block of a page defines."""
    return _run(next(block for block in _blocks(page, "python") if f"class {name}" in block))[name]


def _defense(name: str, options: dict[str, Any] | None = None) -> Any:
    return _class("writing-a-defense", name)(options or {})


def _brief(tmp_path: Path) -> Brief:
    return Brief(
        pool=[torch.rand(3, 8, 10) for _ in range(20)],
        truth=None,
        scale=2,
        budget=5,
        knowledge=frozenset({"outputs"}),
        device=torch.device("cpu"),
        precision="fp32",
        seed=0,
        generator=torch.Generator(),
        deadline=60.0,
        options={},
        workdir=tmp_path,
        progress=lambda what, done, total: None,
    )


def test_the_attack_of_the_page_stays_within_budget_and_returns_a_surrogate(tmp_path: Path) -> None:
    oracle = Bright()
    surrogate = _class("writing-an-attack", "GreyAttack")().extract(oracle, _brief(tmp_path))
    assert oracle.remaining == 0
    assert torch.equal(surrogate(torch.rand(1, 3, 8, 10)), torch.ones(1, 3, 16, 20))


def test_the_attack_on_a_service_that_draws_stays_within_budget_and_can_be_built_anew(tmp_path: Path) -> None:
    oracle = Painter()
    surrogate = _class("writing-an-attack", "BlendAttack")().extract(oracle, _brief(tmp_path))
    again = type(surrogate)(**json.loads(json.dumps(surrogate.config)))
    again.load_state_dict(surrogate.state_dict(), strict=True)
    z = torch.randn(7, surrogate.latent_size)
    assert oracle.remaining == 0
    assert again(z).shape == (7, 3, 8, 8)
    assert torch.equal(again(z), surrogate(z))
    assert 0 <= float(again(z).min()) <= float(again(z).max()) <= 1


@pytest.mark.parametrize(
    ("name", "kind", "moment"),
    [
        ("WobbleDefense", "image-to-image", "guard_output"),
        ("WobbleDefense", "sampling", "guard_output"),
        ("CoarseDefense", "image-to-image", "guard_input"),
        ("BoundedDefense", "sampling", "guard_latent"),
    ],
)
def test_a_defense_of_the_page_keeps_to_its_contract_for_its_kind(name: str, kind: str, moment: str) -> None:
    defense = _defense(name, {"most": 0.2})
    assert moment in vars(type(defense))
    assert [wrong for _, _, wrong in task_kind(kind).try_defense(defense, 2) if wrong] == []


def test_the_page_shows_every_moment_in_its_table_and_most_in_code() -> None:
    text = (DOCS / "writing-a-defense.md").read_text(encoding="utf-8")
    moments = {name for name, value in vars(Defense).items() if callable(value) and not name.startswith("_")}
    assert {name for name in moments if f"| `{name}(" not in text} == set()
    assert {name for name in moments if f"def {name}(" not in text} == {"harden", "questions"}


def test_the_defense_of_the_page_answers_the_same_question_alike() -> None:
    defense = _defense("WobbleDefense", {"most": 0.2})
    y = torch.full((1, 3, 8, 8), 0.5)
    first, second = (defense.guard_output(y, y, History(0, torch.Generator().manual_seed(1))) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, y)


def test_the_prepared_defense_of_the_page_marks_answers_with_what_it_prepared(tmp_path: Path) -> None:
    defense = _defense("Marked")
    place = Place((), 1, {}, torch.device("cpu"), "fp32", 0, tmp_path, lambda what, done, total: None)
    defense.prepared = defense.prepare(torch.nn.Identity(), [], place)
    y = torch.full((1, 3, 9, 11), 0.5)
    left = defense.guard_output(y, y, History(0, torch.Generator()))
    assert left.shape == y.shape
    assert torch.allclose((left - y)[0, :, :8, :8], 0.01 * defense.prepared["mark"], atol=1e-6)


def test_the_claiming_defense_of_the_page_finds_its_mark_and_nothing_else() -> None:
    defense = _defense("Tiled")
    defense.key = bytes(range(32))
    plain = [torch.rand(3, 32, 48, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    left = [defense.guard_output(y[None], y[None], History(0, torch.Generator()))[0] for y in plain]
    trial = Trial(plain, plain)
    assert defense.claim(left, trial).p < 1e-6
    assert defense.claim(plain, trial) == Claim(0.0, p=1.0)
    noise = [torch.rand(y.shape, generator=torch.Generator().manual_seed(9 + n)) for n, y in enumerate(plain)]
    assert defense.claim(noise, trial).p > 0.01


def test_the_claiming_defense_of_the_page_finds_its_mark_among_drawn_images() -> None:
    defense = _defense("Tiled")
    defense.key = bytes(range(32))
    drawn, plain = torch.rand(2, 64, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    z = torch.zeros(1, 16)
    left = [defense.guard_output(z, y[None], History(0, torch.Generator()))[0] for y in drawn]
    assert defense.claim(left, Trial((), list(plain))).p < 1e-6
    assert defense.claim(list(drawn), Trial((), list(plain))).p > 0.01


@pytest.mark.parametrize(
    ("page", "role", "kind"),
    [("writing-an-attack", "attack", AttackCard), ("writing-a-defense", "defense", DefenseCard)],
)
def test_the_card_of_the_page_is_valid(page: str, role: str, kind: type[AttackCard | DefenseCard]) -> None:
    card = check(kind, tomllib.loads(_blocks(page, "toml")[0])[role], Path(page))
    assert card.name.startswith("alice/")
    assert card.options


@pytest.mark.slow
def test_the_call_from_python_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (tmp_path / "submissions").symlink_to(DOCS.parent / "submissions")
    monkeypatch.chdir(tmp_path)
    _run(_blocks("writing-an-attack", "python")[2])
    assert capsys.readouterr().out.startswith("ok 8 ")
