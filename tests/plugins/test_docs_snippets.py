"""The code and the cards in the two pages for authors work as they stand."""

from __future__ import annotations

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
from gexbench.core.defense import Claim, History, Place, Trial

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Bright:
    """An oracle that counts, and answers with white."""

    budget = remaining = 5

    def query(self, x: Tensor) -> Tensor:
        """Answer a batch."""
        self.remaining -= len(x)
        return torch.ones(len(x), 3, 2 * x.shape[2], 2 * x.shape[3])


def _blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def _run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(code, "snippet", "exec"), names)
    return names


def test_the_attack_of_the_page_stays_within_budget_and_returns_a_surrogate(tmp_path: Path) -> None:
    attack, oracle = _run(_blocks("writing-an-attack", "python")[0])["GreyAttack"](), Bright()
    brief = Brief(
        pool=[torch.rand(3, 8, 10) for _ in range(20)],
        truth=None,
        scale=2,
        budget=oracle.budget,
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
    surrogate = attack.extract(oracle, brief)
    assert oracle.remaining == 0
    assert torch.equal(surrogate(torch.rand(1, 3, 8, 10)), torch.ones(1, 3, 16, 20))


def test_the_defense_of_the_page_answers_the_same_question_alike() -> None:
    defense = _run(_blocks("writing-a-defense", "python")[0])["WobbleDefense"]({"most": 0.2})
    y = torch.full((1, 3, 8, 8), 0.5)
    first, second = (defense.guard_output(y, y, History(0, torch.Generator().manual_seed(1))) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, y)


def test_the_prepared_defense_of_the_page_marks_answers_with_what_it_prepared(tmp_path: Path) -> None:
    defense = _run(_blocks("writing-a-defense", "python")[1])["Marked"]({})
    place = Place((), 1, {}, torch.device("cpu"), "fp32", 0, tmp_path, lambda what, done, total: None)
    defense.prepared = defense.prepare(torch.nn.Identity(), [], place)
    y = torch.full((1, 3, 9, 11), 0.5)
    left = defense.guard_output(y, y, History(0, torch.Generator()))
    assert left.shape == y.shape
    assert torch.allclose((left - y)[0, :, :8, :8], 0.01 * defense.prepared["mark"], atol=1e-6)


def test_the_claiming_defense_of_the_page_finds_its_mark_and_nothing_else() -> None:
    defense = _run(_blocks("writing-a-defense", "python")[2])["Tiled"]({})
    defense.key = bytes(range(32))
    plain = [torch.rand(3, 32, 48, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    left = [defense.guard_output(y[None], y[None], History(0, torch.Generator()))[0] for y in plain]
    trial = Trial(plain, plain)
    assert defense.claim(left, trial).p < 1e-6
    assert defense.claim(plain, trial) == Claim(0.0, p=1.0)
    noise = [torch.rand(y.shape, generator=torch.Generator().manual_seed(9 + n)) for n, y in enumerate(plain)]
    assert defense.claim(noise, trial).p > 0.01


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
    _run(_blocks("writing-an-attack", "python")[1])
    assert capsys.readouterr().out.startswith("ok 8 ")
