"""`gexbench run --plan FILE`: exactly what stands in the file, or one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from record_factory import Records, record_of, save
from typer.testing import CliRunner, Result

from gexbench import bench
from gexbench.cli.app import app
from gexbench.errors import GexbenchError
from gexbench.plan import Plan
from gexbench.record import RunRecord

from .test_bad_input import expect_refusal, gexbench

FILE = Path("plan.json")


@pytest.fixture
def started(records: Records, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let runs end at once; returns those started."""
    plans: list[Plan] = []

    def run(plan: Plan, catalog: object, out: Path, progress: bench.Progress, keep: bool) -> RunRecord:
        plans.append(plan)
        save(record_of(plan), out)
        return record_of(plan)

    monkeypatch.setattr(bench, "run_plan", run)
    return plans


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(app, ["run", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_plan_in_the_file_is_run(records: Records, started: list[Plan]) -> None:
    plan = records.plan(defense="jpeg", seed=2, budget="50%", settings=("steps=7",), isolation="none", deadline=9.0)
    FILE.write_text(plan.model_dump_json(indent=2), encoding="utf-8")
    told = json.loads(invoke("--plan", str(FILE), "--out", "elsewhere", "--json").stdout)
    assert started == [plan]
    assert told["id"] == plan.id
    assert (Path("elsewhere") / plan.run_name / "record.json").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("--task", "sr"),
        ("--attack", "srresnet"),
        ("--seed", "0"),
        ("--profile", "mini"),
        ("--set", "steps=3"),
        ("--set-defense", "quality=3"),
        ("--isolation", "auto"),
        ("--deadline", "5"),
    ],
)
def test_what_says_what_to_run_is_refused_beside_a_plan(
    records: Records, started: list[Plan], words: tuple[str, str]
) -> None:
    FILE.write_text(records.plan().model_dump_json(), encoding="utf-8")
    with pytest.raises(GexbenchError, match=f"^{words[0]} cannot be given beside --plan"):
        invoke("--plan", str(FILE), *words)
    assert started == []


@pytest.mark.parametrize(
    ("words", "missing"), [((), "--task"), (("--task", "sr"), "--attack"), (("--attack", "x"), "--task")]
)
def test_without_a_plan_task_and_attack_are_needed(started: list[Plan], words: tuple[str, ...], missing: str) -> None:
    with pytest.raises(GexbenchError, match=f"^{missing} is missing") as caught:
        invoke(*words)
    assert caught.value.hint == "give --task and --attack, or --plan"
    assert started == []


def test_an_edited_plan_starts_nothing(records: Records, started: list[Plan]) -> None:
    FILE.write_text(records.plan().model_dump_json().replace('"price":0.01', '"price":0.0'), encoding="utf-8")
    with pytest.raises(GexbenchError, match=r"plan\.json: its task\.price is 0\.0, here it is 0\.01"):
        invoke("--plan", str(FILE))
    assert (started, list(Path().iterdir())) == ([], [FILE])


def test_bad_files_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(b"\x89PNG\r\n")
    expect_refusal(gexbench("run", "--plan", "plan.json", cwd=tmp_path), 2, "plan.json is not a plan", "Invalid JSON")
    expect_refusal(gexbench("run", "--plan", "nowhere.json", cwd=tmp_path), 2, "cannot read the plan nowhere.json")
    expect_refusal(gexbench("run", cwd=tmp_path), 2, "--task is missing")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.slow
def test_a_run_and_the_run_of_its_plan_give_the_same_record(tmp_path: Path) -> None:
    words = ("--task", "sr", "--attack", "srresnet", "--budget", "8", "--set", "steps=2", "--defense", "jpeg", "--json")
    first = gexbench("run", *words, "--out", str(tmp_path / "one"))
    assert first.returncode == 0, first.stderr
    (plan,) = (tmp_path / "one").glob("*/plan.json")
    second = gexbench("run", "--plan", str(plan), "--out", str(tmp_path / "two"), "--json")
    assert second.returncode == 0, second.stderr
    one, two = (json.loads(done.stdout) for done in (first, second))
    assert all(one[key] == two[key] for key in ("id", "plan", "scores", "honest_cost", "account", "surrogate_sha256"))
