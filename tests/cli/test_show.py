"""`gexbench show` of a run that is no finished one; records are tests/cli/test_report.py's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from record_factory import Records
from typer.testing import CliRunner

from gexbench.cards.schema import WeightFile
from gexbench.cli.app import app
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.service.ledger import Answered, Ledger
from gexbench.errors import CardError

FILE = WeightFile(file="net.onnx", sha256="0" * 64)


def show(*words: str) -> str:
    return CliRunner().invoke(app, ["show", *words], catch_exceptions=False).stdout


def stopped(records: Records, out: Path) -> Path:
    """Return the folder of a run that was stopped after one answer."""
    plan = records.plan()
    folder = RunFolder(out / plan.run_name)
    folder.open(plan)
    ledger = Ledger(folder.ledger, plan.id, plan.budget)
    ledger.pay([Answered(b"1", b"a")], 0)
    ledger.close()
    return folder.path


def test_an_unfinished_run_says_how_far_it_came_and_what_goes_on(records: Records) -> None:
    folder = stopped(records, Path("runs"))
    again = f"the same command goes on from there: gexbench run --plan {folder}/plan.json"
    assert show(str(folder)) == f"unfinished {folder} came to 1 of 100 answers; {again}\n"
    (folder / "surrogate").mkdir()
    assert "1 of 100 answers, and the attack has ended;" in show(str(folder))
    with RunFolder(folder).locked():
        assert show(str(folder)).endswith("; a process is at it now\n")


def test_the_command_that_goes_on_leads_into_the_same_folder(records: Records) -> None:
    folder = stopped(records, Path("elsewhere"))
    assert show(str(folder)).endswith(f"--plan {folder}/plan.json --out {Path('elsewhere').resolve()}\n")
    spaced = stopped(records, Path("a $(b)"))
    assert f"--plan '{spaced}/plan.json' --out '" in show(str(spaced))
    renamed = folder.rename(folder.with_name("other"))
    assert "--plan" not in show(str(renamed))


@pytest.mark.parametrize(
    ("victim", "beside"),
    [
        ({"name": "own/net", "backend": "onnx", "entry": "", "weights": FILE}, "--victim FILE"),
        (
            {"name": "own/x", "backend": "http", "entry": "", "endpoint": {"url": "http://localhost/x"}},
            "--victim http://localhost/x",
        ),
        ({"name": "me/net", "backend": "onnx", "entry": "", "weights": FILE}, "--registry FOLDER"),
    ],
)
def test_the_command_that_goes_on_names_what_no_plan_holds(
    victim: dict[str, object], beside: str, records: Records
) -> None:
    plan = records.plan()
    plan = plan.model_copy(update={"victim": plan.victim.model_copy(update=victim)})
    folder = RunFolder(Path("runs") / plan.run_name)
    folder.open(plan)
    assert show(str(folder.path)).endswith(f"/plan.json {beside}\n")


def test_an_unfinished_run_as_json_is_one_document(records: Records) -> None:
    folder = stopped(records, Path("runs"))
    told = {"run": str(folder), "answered": 1, "budget": 100, "extracted": False, "running": False}
    assert json.loads(show(str(folder), "--json")) == {"schema_version": 1, "unfinished": told}


def test_a_folder_that_is_no_runs_is_refused(records: Records) -> None:
    Path("srresnt").mkdir()
    with pytest.raises(CardError, match="no card and no record"):
        show("srresnt")
