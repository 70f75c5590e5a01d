"""`gexbench cross`: which runs it starts, and the matrix it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from record_factory import Records, changed, record_of
from typer.testing import CliRunner, Result

from gexbench import bench
from gexbench.boards.accept import objections
from gexbench.boards.cross import make_cross
from gexbench.cards.board import BoardCard
from gexbench.cli.app import app
from gexbench.errors import BoardError, CardError, GexbenchError, PlanError
from gexbench.plan import Plan
from gexbench.record import RunRecord

BOTH = ("--task", "sr", "--victims", "net,other", "--attacks", "srresnet,copycat")
VICTIM = """
name = "{name}"
summary = "A victim."
task_kind = "image-to-image"
scale = 4
entry = "gexbench.victims.net:Net"
dataset = "{dataset}"
net = {{ {net} }}
"""


@pytest.fixture
def records(records: Records) -> Records:
    """Add three victims, and let the service take square images of one size."""
    for name, dataset, net in (("other", "photos", ""), ("elsewhere", "paintings", ""), ("wide", "photos", "side=64")):
        text = VICTIM.format(name=name, dataset=dataset, net=net)
        (records.folder / "victims" / f"{name}.toml").write_text(text)
    photos = (records.folder / "datasets" / "photos.toml").read_text()
    paintings = photos.replace('"photos"', '"paintings"').replace('files = ["a"]', 'files = ["z"]')
    (records.folder / "datasets" / "paintings.toml").write_text(paintings)
    task = records.folder / "tasks" / "sr.toml"
    task.write_text(task.read_text().replace("deadline = 60\n", "deadline = 60\nside = 32\n", 1))
    return records


@pytest.fixture
def started(records: Records, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs end at once, those of copycat on other without success; returns the plans started."""
    plans: list[Plan] = []

    def run(plan: Plan, catalog: object, out: Path, tick: Callable[[str, int, int], None], keep: bool) -> RunRecord:
        plans.append(plan)
        b = 20.0 + len(plan.victim.name) + len(plan.attack.name) + 2 * plan.seed
        record = record_of(plan, b=b)
        if (plan.victim.name, plan.attack.name) == ("other", "copycat"):
            record = changed(changed(record, "scores", ()), "reason", "the loss is nan [/x]")
            return changed(record, "status", "failed")
        return record

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(app, ["cross", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_every_attack_is_run_on_every_victim_over_the_seeds_of_the_profile(started: list[Plan]) -> None:
    invoke(*BOTH)
    cells = [(plan.victim.name, plan.attack.name, plan.seed) for plan in started]
    assert cells == [(v, a, s) for v in ("net", "other") for a in ("srresnet", "copycat") for s in range(3)]
    assert len({plan.id for plan in started}) == 12


@pytest.mark.usefixtures("started")
def test_the_matrix_shows_means_and_a_gap_where_all_runs_failed() -> None:
    result = invoke(*BOTH, "--seeds", "2")
    lines = [line for line in result.stdout.splitlines() if "│" in line]
    assert result.exit_code == 3
    assert [cell.strip() for cell in lines[0].split("│")[1:-1]] == ["net", "29.50", "31.5 ± 1.4", "30.5 ± 1.4"]
    assert [cell.strip() for cell in lines[1].split("│")[1:-1]] == ["other", "29.50", "33.5 ± 1.4", "—"]
    assert "the loss is nan [/x]" in result.stdout


@pytest.mark.usefixtures("started")
def test_json_is_one_document_of_cells() -> None:
    told = json.loads(invoke(*BOTH, "--seeds", "1", "--json").stdout)
    cells = {(cell["victim"], cell["attack"], cell["compare"]): cell["mean"] for cell in told["cells"]}
    assert cells[("other", "srresnet", "B")] == 32.5
    assert ("other", "copycat", "B") not in cells
    assert [failed["reason"] for failed in told["failed"]] == ["the loss is nan [/x]"]


def test_a_defense_and_options_reach_every_run(started: list[Plan]) -> None:
    words = ("--task", "sr", "--victims", "net,other", "--attacks", "srresnet", "--seeds", "1")
    result = invoke(*words, "--set", "steps=7", "--defense", "jpeg", "--set-defense", "quality=10")
    assert [plan.options["steps"] for plan in started] == [7, 7]
    assert [plan.defense_options for plan in started] == [{"quality": 10}] * 2
    assert "sr@1 against jpeg (quality=10) · mini · 100 queries" in result.stdout
    assert json.loads(invoke(*words, "--defense", "jpeg", "--json").stdout)["defense"] == "jpeg"


def test_an_attack_may_be_a_submissions_folder_or_on_a_card_in_a_folder(started: list[Plan], submission: Path) -> None:
    words = ("--task", "sr", "--victims", "net", "--seeds", "1", "--set", "steps=5")
    with pytest.raises(CardError, match="no attack named 'me/mine'"):
        invoke(*words, "--attacks", "me/mine")
    for given in ((f"{submission},srresnet",), ("me/mine,srresnet", "--registry", str(submission))):
        started.clear()
        invoke(*words, "--attacks", *given)
        assert [(plan.attack.name, plan.options["steps"]) for plan in started] == [("me/mine", 5), ("srresnet", 5)]


def test_another_data_set_goes_with_the_victims_that_learned_from_it(started: list[Plan]) -> None:
    invoke("--task", "sr", "--victims", "elsewhere", "--attacks", "copycat", "--dataset", "paintings", "--seeds", "1")
    assert [(plan.victim.name, plan.dataset.name) for plan in started] == [("elsewhere", "paintings")]


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("--victims", "net,elsewhere", "--attacks", "copycat"), PlanError, "'elsewhere' learned from 'paintings'"),
        (("--victims", "wide", "--attacks", "copycat"), PlanError, "'wide' has images of 64 px, this task of 32"),
        (
            ("--victims", "net", "--attacks", "copycat", "--set", "steps=1"),
            PlanError,
            "'copycat' has no option 'steps'",
        ),
        (("--victims", "net", "--attacks", "copycat", "--defense", "jpg"), CardError, "no defense named 'jpg'"),
        (("--victims", "nett", "--attacks", "copycat"), CardError, "no victim named 'nett'"),
        (("--victims", " , ", "--attacks", "copycat"), PlanError, "--victims ' , ' names none"),
    ],
)
def test_what_makes_no_matrix_is_refused_before_anything_runs(
    started: list[Plan], words: tuple[str, ...], kind: type[GexbenchError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        invoke("--task", "sr", *words)
    assert not started


def test_the_victim_of_the_profile_named_is_the_same_plan(records: Records) -> None:
    assert records.plan(victim="net").id == records.plan().id != records.plan(victim="other").id


def test_a_run_on_another_victim_stands_on_no_board(records: Records) -> None:
    board = records.catalog.get(BoardCard, "sr")
    assert not list(objections(records.make(), board))
    assert any("its victim and data are not those" in why for why in objections(records.make(victim="other"), board))


def test_runs_that_cannot_be_compared_make_no_matrix(records: Records) -> None:
    with pytest.raises(BoardError, match="cannot stand in one matrix"):
        make_cross([records.make(), records.make(victim="other", budget="50")])
    with pytest.raises(BoardError, match="cannot stand in one matrix"):
        make_cross([records.make(), records.make(defense="jpeg")])
    with pytest.raises(BoardError, match="needs at least one record"):
        make_cross([])


def test_runs_on_two_data_sets_stand_in_no_matrix(records: Records) -> None:
    runs = [records.make(), changed(records.make("copycat"), "provenance.dataset", "other")]
    with pytest.raises(BoardError, match="cannot stand in one matrix"):
        make_cross(runs)
    lost = changed(runs[1], "status", "failed")
    assert make_cross([runs[0], lost]).attacks == ("srresnet", "copycat")


def test_runs_whose_main_metric_was_measured_by_two_recipes_stand_in_no_matrix(records: Records) -> None:
    first, second = records.make(), records.make("copycat")
    other = second.scores[0].passport.model_copy(update={"settings": {"crop": 0}})
    for metric, stands in (("lpips-alex", True), ("psnr-y", False)):
        scores = tuple(s.model_copy(update={"passport": other}) if s.metric == metric else s for s in second.scores)
        runs = [first, changed(second, "scores", scores)]
        if stands:
            assert make_cross(runs).attacks == ("srresnet", "copycat")
        else:
            with pytest.raises(BoardError, match="cannot stand in one matrix"):
                make_cross(runs)
