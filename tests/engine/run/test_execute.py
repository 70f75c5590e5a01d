"""One run from plan to record."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

import gexbench
from gexbench.cards.catalog import Catalog
from gexbench.engine.run.execute import execute
from gexbench.errors import OutputError
from gexbench.record import RunRecord, read_record

from ..processes import alive, descendants, eventually

ROOT = Path(__file__).resolve().parents[3]
SHORT = {"steps": 3, "batch": 4}
# A bench that stands still from the first answer on.
STOPS = """
import os, signal, sys
from pathlib import Path
from gexbench import bench
from gexbench.plan import Request

def tick(what, done, total):
    if what == "asking the victim":
        os.kill(os.getpid(), signal.SIGSTOP)

catalog, plan = bench.prepare(Request("sr", "srresnet", budget="25%", settings=("steps=3", "batch=4")))
bench.run_plan(plan, catalog, Path(sys.argv[1]), tick)
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return gexbench.run("sr", "srresnet", out=runs(tmp_path_factory), options=SHORT, budget="25%")


def scored_alike(a: RunRecord, b: RunRecord) -> None:
    """All answers are equal to the bit, and the scores but for what the order of a sum in float64 leaves open."""
    assert a.evidence_sha256 == b.evidence_sha256 is not None
    assert [s.value for s in a.scores] == pytest.approx([s.value for s in b.scores], rel=1e-13)


def runs(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / "execute-runs"


def test_a_run_scores_every_metric_in_every_comparison(record: RunRecord) -> None:
    assert record.status == "ok"
    assert record.incidents == ()
    measured = {(s.metric, s.compare, s.test) for s in record.scores}
    wanted = [m for m in record.plan.task.metrics if m not in record.absent]
    assert measured == {(m, c, "photos") for m in wanted for c in ("A", "B", "C")}
    assert {s.n for s in record.scores} == {4}


def test_a_run_spends_its_budget_and_says_what_it_cost(record: RunRecord) -> None:
    assert (record.account.answered, record.account.refused) == (128, 0)
    assert record.cost_usd == pytest.approx(128 * 0.016)


def test_a_run_leaves_record_plan_picture_ledger_and_surrogate(
    record: RunRecord, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = runs(tmp_path_factory) / record.plan.run_name
    assert read_record(folder / "record.json") == record
    assert json.loads((folder / "plan.json").read_text())["budget"] == 128
    with Image.open(folder / "samples.png") as picture:
        assert picture.width > picture.height
    with sqlite3.connect(folder / "service" / "ledger.sqlite") as ledger:
        assert ledger.execute("SELECT COUNT(*), COUNT(answer) FROM question").fetchone() == (128, 0)
    ledger.close()
    assert (folder / "surrogate" / "model.safetensors").stat().st_size > 100_000


def test_a_run_that_is_done_is_not_run_again(record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> None:
    def written() -> dict[Path, tuple[int, int]]:
        kept = (path for path in runs(tmp_path_factory).rglob("*") if ".lease" not in path.parts)
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept}

    before = written()
    again = gexbench.run("sr", "srresnet", out=runs(tmp_path_factory), options=SHORT, budget="25%")
    assert again == record
    assert again.started == record.started
    assert written() == before


def test_the_record_of_another_run_in_a_runs_folder_is_refused_and_kept(
    record: RunRecord, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    kept = runs(tmp_path_factory) / record.plan.run_name / "record.json"
    plan = record.plan.model_copy(update={"seed": 1})
    place = tmp_path / "sr-srresnet" / "record.json"
    place.parent.mkdir()
    place.write_bytes(kept.read_bytes())
    with pytest.raises(OutputError, match=rf"is the record of run {record.id}, not of {plan.id}"):
        execute(plan, Catalog.load(), place.parent, lambda *_: None)
    assert place.read_bytes() == kept.read_bytes()


def test_without_isolation_the_scores_are_the_same_and_the_record_says_so(record: RunRecord, tmp_path: Path) -> None:
    bare = gexbench.run("sr", "srresnet", out=tmp_path, options=SHORT, budget="25%", isolation="none")
    assert bare.isolation == "none"
    scored_alike(bare, record)
    assert bare.surrogate_sha256 == record.surrogate_sha256


def test_the_victim_control_has_no_b_and_its_c_is_its_a(tmp_path: Path) -> None:
    control = gexbench.run("sr", "victim", out=tmp_path)
    assert {s.compare for s in control.scores} == {"A", "C"}
    assert control.score("psnr-y", "A") == control.score("psnr-y", "C")
    assert control.account.asked == 0


def test_a_defense_changes_answers_and_its_cost_to_honest_users_is_measured(record: RunRecord, tmp_path: Path) -> None:
    defended = gexbench.run("sr", "srresnet", out=tmp_path, options=SHORT, budget="25%", defense="gaussian-noise")
    costs = {cost.metric: cost.value for cost in defended.honest_cost}
    assert {"psnr-rgb", "ssim-rgb"} <= set(costs)
    assert 25 < costs["psnr-rgb"] < 50
    assert defended.surrogate_sha256 != record.surrogate_sha256
    assert defended.score("psnr-y", "A") == record.score("psnr-y", "A")


def _command(out: Path) -> list[str]:
    words = ["run", "--task", "sr", "--attack", "srresnet", "--budget", "25%", "--set", "steps=3", "--set", "batch=4"]
    return [sys.executable, "-m", "gexbench", *words, "--json", "--out", str(out)]


def test_a_run_killed_while_it_asks_goes_on_and_pays_nothing_twice(record: RunRecord, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", STOPS, str(tmp_path)], env=environment) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            family = descendants(process.pid)
            spent = _asked(tmp_path)
        finally:
            process.kill()
    assert eventually(lambda: not any(map(alive, family)))
    done = subprocess.run(_command(tmp_path), capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    again = RunRecord.model_validate_json(done.stdout)
    assert again.account.answered == 128
    assert again.account.replayed >= spent > 0
    assert again.account.sessions == 2
    scored_alike(again, record)
    assert again.surrogate_sha256 == record.surrogate_sha256


def test_a_run_stopped_while_it_is_scored_goes_on_and_pays_nothing_twice(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> RunRecord:
        return gexbench.run("sr", "srresnet", out=tmp_path, options=SHORT, budget="25%", isolation="none")

    monkeypatch.setattr("gexbench.engine.run.execute.score.score", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    again = run()
    assert (again.account.answered, again.account.replayed, again.account.sessions) == (128, 128, 2)
    scored_alike(again, record)
    (path,) = tmp_path.glob("*/service/ledger.sqlite")
    assert _answers_kept(path) == 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _answers_kept(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        return int(ledger.execute("SELECT COUNT(answer) FROM question").fetchone()[0])


def _asked(out: Path) -> int:
    (path,) = out.glob("*/service/ledger.sqlite")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        return int(ledger.execute("SELECT COUNT(*) FROM question").fetchone()[0])


def test_a_second_bench_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    from gexbench.engine.run.run_folder import RunFolder
    from gexbench.errors import OutputError

    folder = RunFolder(tmp_path / "run")
    with folder.locked(), pytest.raises(OutputError, match="another gexbench is running"), folder.locked():
        pass
