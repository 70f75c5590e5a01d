"""Innocents are made, found again, asked once, and held against a suspect; what is no innocent is left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import gexbench
from gexbench.cards.catalog import Catalog
from gexbench.cards.innocents import InnocentsCard
from gexbench.cards.schema import DefenseCard
from gexbench.cli.app import app
from gexbench.engine.kinds.evidence import Exhibits
from gexbench.engine.run import innocents
from gexbench.engine.run.innocents import runs_of, set_folder, shown_innocents, victims_of
from gexbench.innocents import make, state
from gexbench.plan import Plan
from gexbench.record import read_record, seal_of

from ..toy_orders import quiet

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
X = torch.arange(3 * 16 * 16, dtype=torch.int32).remainder(256).to(torch.uint8).reshape(3, 16, 16)
Y = torch.zeros(3, 64, 64, dtype=torch.uint8)
EXHIBITS = Exhibits((X,), (Y,), (Y,), (Y,), (Y,))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a home in which a set of three short runs was made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEXBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        make(state(card(), catalog()), catalog())
        yield set_folder(card())


def catalog() -> Catalog:
    return Catalog.load((CHEATS,))


def card() -> InnocentsCard:
    return catalog().get(InnocentsCard, "cheat/quick")


def plan() -> Plan:
    from gexbench.bench import prepare
    from gexbench.plan import Request

    return prepare(Request("cheat/quick", "srresnet", folders=(CHEATS,)))[1]


def test_a_set_is_made_once_and_says_what_is_missing_and_why(home: Path) -> None:
    found = state(card(), catalog())
    assert (found.here, found.card.count, found.lacking) == (4, 6, ())
    assert found.missing == (
        "victim srgan-mini-lost: no victim named 'srgan-mini-lost'",
        "srresnet on srgan-mini-lost: no victim named 'srgan-mini-lost'",
    )
    assert make(found, catalog()) == []


def test_of_an_innocents_run_the_surrogate_is_kept_and_no_score(home: Path) -> None:
    records = [read_record(file) for file in sorted(home.glob("runs/*/record.json"))]
    assert len(records) == 3
    assert all(record.status == "ok" and record.surrogate_sha256 for record in records)
    assert all(record.scores == () and "evidence" not in record.seconds for record in records)
    kept = {path.name for path in home.glob("runs/*/*")}
    assert kept == {"plan.json", "record.json", "service", "surrogate", ".lock", ".lease"}


def test_innocents_are_known_by_digest_and_by_how_they_were_made(home: Path) -> None:
    runs = list(runs_of(card()))
    assert sorted(each.made for each in runs) == [
        "bicubic on srgan-mini, budget 16, seed 0",
        "srresnet on srgan-mini, budget 16, seed 0",
        "srresnet on srgan-mini, budget 16, seed 1",
    ]
    assert len({each.id for each in runs}) == 3
    assert [each.made for each in victims_of(card(), catalog())] == ["the victim srgan-mini"]


def test_what_innocents_answer_is_kept_by_digest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shown_innocents(plan(), catalog(), EXHIBITS, quiet)
    assert [tuple(y.shape for y in each.outputs) for each in first.models] == [((3, 64, 64),)] * 4
    assert first.note.startswith("rank p needs innocents, 99 for 1 %; with 4 it is 0.2 at least")

    def broken(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(innocents._Rebuilt, "__call__", broken)
    again = shown_innocents(plan(), catalog(), EXHIBITS, quiet)
    assert [each.id for each in again.models] == [each.id for each in first.models]
    for one, two in zip(first.models, again.models, strict=True):
        assert torch.equal(one.outputs[0], two.outputs[0])


def test_the_suspect_itself_is_no_innocent(home: Path) -> None:
    found = shown_innocents(plan(), catalog(), EXHIBITS, quiet)
    others = shown_innocents(plan(), catalog(), EXHIBITS, quiet, apart=found.models[0].id)
    assert [each.id for each in others.models] == [each.id for each in found.models[1:]]


def test_one_that_cannot_be_built_is_left_out_and_counted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(innocents._Rebuilt, "__call__", broken)
    other = Exhibits((255 - X,), (Y,), (Y,), (Y,), (Y,))
    found = shown_innocents(plan(), catalog(), other, quiet)
    assert [each.made for each in found.models] == ["the victim srgan-mini"]
    assert "3 innocents were left out, the first " in found.note
    assert "(no such layer)" in found.note


@pytest.mark.parametrize("edit", ["surrogate", "budget", "options", "defense"])
def test_a_run_that_is_not_what_it_says_is_no_innocent(edit: str, home: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEXBENCH_HOME", str(tmp_path))
        shutil.copytree(home / "runs", set_folder(card()) / "runs")
        assert len(list(runs_of(card()))) == 3
        run = next((set_folder(card()) / "runs").glob("*bicubic*"))
        if edit == "surrogate":
            (run / "surrogate" / "class.txt").write_text("os:system\n")
        else:
            told = json.loads((run / "record.json").read_text())
            defense = catalog().get(DefenseCard, "cheat/reddener").model_dump(mode="json")
            told["plan"] |= {edit: {"budget": 15, "options": {"steps": 9}, "defense": defense}[edit]}
            told["account"] |= {"budget": told["plan"]["budget"]}
            told["seal"] = seal_of(told)
            (run / "record.json").write_text(json.dumps(told))
        assert len(list(runs_of(card()))) == 2


def test_a_verdict_of_a_run_holds_the_innocents_that_are_here(home: Path, tmp_path: Path) -> None:
    record = gexbench.run(
        "cheat/quick", "cheat/thief", out=tmp_path, isolation="none", registry=(CHEATS,), defense="cheat/reddener"
    )
    told = record.ownership
    assert told is not None
    assert len(told.innocents) == 4
    assert told.detected
    assert told.rank_p == pytest.approx(1 / 5)
    assert told.threshold is not None
    assert told.threshold < 0.3 < told.suspect.score
    assert not told.certifiable


def test_the_command_lists_and_makes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["innocents", "list", "--registry", str(CHEATS), "--json"], standalone_mode=False)
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["innocents"]}
    assert (rows["cheat/quick"]["here"], rows["cheat/quick"]["of"], rows["cheat/quick"]["lacking"]) == (4, 6, 0)
    app(["innocents", "make", "cheat/quick", "--registry", str(CHEATS)], standalone_mode=False)
    assert capsys.readouterr().out.startswith("cheat/quick ")
