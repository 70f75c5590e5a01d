from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from record_factory import Records, save, stand_in
from typer.testing import CliRunner

from gexbench.boards.folder import add
from gexbench.cli.site import app
from gexbench.errors import BoardError

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Let the command see a small registry, in a folder with a board of one record."""
    made = stand_in(tmp_path, monkeypatch)
    add([save(made.make(), tmp_path / "runs")], Path("leaderboards"), made.catalog)
    return made


def out(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.usefixtures("records")
def test_build_writes_a_site_and_says_where_it_begins() -> None:
    first, second = out("--to", "site"), out("--to", "site")
    assert first.endswith(f"open {Path('site/index.html')}\n")
    assert " 0 written, 0 removed" in second
    assert Path("site/index.html").is_file()


@pytest.mark.usefixtures("records")
def test_check_fails_where_there_is_no_site_and_writes_none() -> None:
    with pytest.raises(BoardError, match="is not what the records give"):
        out("--to", "site", "--check")
    assert not Path("site").exists()


@pytest.mark.usefixtures("records")
def test_json_says_what_was_done() -> None:
    done = json.loads(out("--to", "site", "--json"))
    assert done["files"] == done["written"] > 10
    assert done["removed"] == 0


def test_help_loads_neither_torch_nor_what_makes_pages() -> None:
    code = (
        "import sys; from gexbench.cli.app import app\n"
        "try: app(['site', 'build', '--help'], standalone_mode=False)\n"
        "finally: print(*({'torch', 'jinja2', 'markupsafe', 'pandas'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0
    assert done.stderr.strip() == ""
