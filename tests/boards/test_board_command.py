from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from record_factory import Records, changed, save
from typer.testing import CliRunner

from gexbench.boards import published
from gexbench.cards import roots
from gexbench.cli.board import app
from gexbench.errors import BoardError

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("small_registry")


@pytest.fixture
def small_registry(records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the commands see the small registry, and run in an empty folder."""
    root = records.catalog.roots[0]
    monkeypatch.setattr(roots, "packaged_root", lambda: root)
    monkeypatch.setattr(roots, "installed_roots", list)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


def out(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def added(records: Records, tmp_path: Path) -> None:
    runs = [*records.seeds((27.0, 27.1, 27.2)), records.make("victim"), *records.seeds((25.0,), defense="jpeg")]
    out("add", *(str(save(run, tmp_path / "runs")) for run in runs))


def test_add_says_what_was_added_and_what_was_there(records: Records, tmp_path: Path) -> None:
    run = save(records.make(), tmp_path / "runs")
    first, second = out("add", str(run)), out("add", str(run))
    assert first.startswith(f"added   leaderboards/sr/records/{run.name}.json")
    assert "board build" in first
    assert second == f"already leaderboards/sr/records/{run.name}.json\n"


def test_add_names_what_it_skips(records: Records, tmp_path: Path) -> None:
    save(records.make(), tmp_path / "runs")
    Path("runs/notes.txt").write_text("no record")
    assert out("add", "runs/*").splitlines()[0] == "skipped runs/notes.txt: no record"


def test_show_and_compare_read_the_published_records_where_there_is_no_folder(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "published_root", lambda: tmp_path / "shipped")
    runs = [*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.1, 25.2), attack="copycat")]
    out("add", *(str(save(run, tmp_path / "runs")) for run in runs), "--dir", "shipped")
    assert "copycat" in out("show", "sr")
    assert "A is better" in out("compare", "sr")
    for words in (("show", "sr"), ("compare", "sr")):
        refused = CliRunner().invoke(app, [*words, "--dir", "leaderboards"]).exception
        assert isinstance(refused, BoardError)
        assert "there is no folder leaderboards" in str(refused)
    assert not Path("leaderboards").exists()


def test_add_fails_with_the_reason(records: Records, tmp_path: Path) -> None:
    run = save(changed(records.make(), "status", "failed"), tmp_path / "runs")
    result = CliRunner().invoke(app, ["add", str(run), "--dir", "elsewhere"])
    assert isinstance(result.exception, BoardError)
    assert result.exception.exit_code == 2
    assert not Path("elsewhere").exists()


def test_build_and_check_agree(records: Records, tmp_path: Path) -> None:
    added(records, tmp_path)
    assert isinstance(CliRunner().invoke(app, ["build", "--check"]).exception, BoardError)
    assert out("build", "sr").splitlines() == ["written leaderboards/sr/README.md", "written leaderboards/sr/sr.csv"]
    assert "fresh" in out("build", "--check")


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("table", "Leaderboard sr@1"),
        ("md", "# Leaderboard sr@1"),
        ("csv", "task,profile,"),
        ("latex", "% Leaderboard sr@1"),
        ("html", "<!doctype html>"),
    ],
)
def test_show_prints_every_format(records: Records, tmp_path: Path, form: str, start: str) -> None:
    added(records, tmp_path)
    text = out("show", "sr", "--format", form)
    assert text.startswith(start)
    assert "srresnet" in text


def test_show_prints_what_build_writes(records: Records, tmp_path: Path) -> None:
    added(records, tmp_path)
    out("build")
    assert out("show", "sr", "--format", "csv") == Path("leaderboards/sr/sr.csv").read_text(encoding="utf-8")


def test_show_can_be_limited_to_a_profile(records: Records, tmp_path: Path) -> None:
    added(records, tmp_path)
    assert "Profile mini" in out("show", "sr", "--profile", "mini")
    assert isinstance(CliRunner().invoke(app, ["show", "sr", "--profile", "paper"]).exception, BoardError)


def test_show_prints_chosen_columns_of_pages_alone(records: Records, tmp_path: Path) -> None:
    added(records, tmp_path)
    shown = out("show", "sr", "--columns", "attack,B", "--format", "latex")
    assert "attack & B \\\\\n" in shown
    assert "rank &" not in shown
    for words in (("--format", "csv"), ("--json",), ("--format", "md", "--columns", "atack")):
        refused = CliRunner().invoke(app, ["show", "sr", "--columns", "attack", *words]).exception
        assert isinstance(refused, BoardError)


def test_compare_says_of_two_rows_of_every_pair_and_of_own_runs_what_they_are(records: Records, tmp_path: Path) -> None:
    runs = [*records.seeds((27.0, 27.1, 27.2)), *records.seeds((25.0, 25.1, 25.2), attack="copycat")]
    out("add", *(str(save(run, tmp_path / "runs")) for run in runs))
    for run in records.seeds((30.0, 30.1, 30.2), settings=("steps=1",)):
        save(run, tmp_path / "mine")
    assert "different: B is better" in out("compare", "sr", "copycat", "srresnet")
    assert "different: A is better" in out("compare", "sr")
    data = json.loads(out("compare", "sr", "mine/*", "srresnet", "--json"))
    assert data["pairs"][0]["better"] == "srresnet (steps=1) at 100 (mine/*)"
    assert "(rows are ranked by psnr-y B)" in out("compare", "sr", "copycat", "srresnet", "--metric", "lpips-alex")


@pytest.mark.parametrize("rows", [("srresnet",), ("srresnet", "copycat", "bicubic"), ("srresnet", "copycta"), ()])
def test_compare_refuses_rows_that_are_not_two_of_the_board(
    records: Records, tmp_path: Path, rows: tuple[str, ...]
) -> None:
    added(records, tmp_path)
    refused = CliRunner().invoke(app, ["compare", "sr", *rows]).exception
    assert isinstance(refused, BoardError)
    assert refused.hint


def test_json_is_one_document_on_all_three(records: Records, tmp_path: Path) -> None:
    run = save(records.make(), tmp_path / "runs")
    name = f"leaderboards/sr/records/{run.name}.json"
    assert json.loads(out("add", str(run), "--json")) == {
        "schema_version": 1,
        "added": [name],
        "already": [],
        "skipped": [],
    }
    assert json.loads(out("build", "--json"))["pages"][0] == {"path": "leaderboards/sr/README.md", "written": True}
    assert json.loads(out("show", "sr", "--json"))["board"] == "sr"


def test_boards_are_made_without_torch() -> None:
    modules = (
        "agree accept bootstrap compare compare_page defended flat label margin markdown pair_tests publish rank "
        "render row sections folder side spread"
    )
    imports = "; ".join(f"import gexbench.boards.{name}" for name in modules.split())
    heavy = "{'torch', 'jinja2', 'scipy', 'pandas', 'rich.table'}"
    code = f"import sys; {imports}; import gexbench.cli.board; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout == "set()\n", done.stderr
