"""A reader of one's own, from a refused card to a record that no board takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from own_images import fill
from typer.testing import CliRunner

from gexbench.boards.accept import objections
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.cli.app import app
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import GexbenchError
from gexbench.record import read_record

READER = """
from gexbench.datasets.image_folder import image_folder

def darker(settings, files):
    return image_folder(settings, files)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(sys.modules, "trusted_darker", None)
    del sys.modules["trusted_darker"]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def gexbench(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_reader_of_ones_own_runs_with_trust_alone_and_is_ranked_nowhere(place: Path) -> None:
    fill(place / "pictures/photo", 12)
    fill(place / "pictures/style", 3)
    gexbench("new", "dataset", "me/photos", "--layout", "unpaired", "--from", "pictures")
    gexbench("new", "task", "me/paint", "--dataset", "me/photos")
    gexbench("new", "board", "me/paint")
    card = place / "cards/datasets/photos.toml"
    card.write_text(card.read_text().replace("gexbench.datasets.image_folder:image_folder", "trusted_darker:darker"))
    (place / "cards/trusted_darker.py").write_text(READER)
    run = ("run", "--registry", "cards", "--task", "me/paint", "--attack", "identity", "--isolation", "none")
    with pytest.raises(GexbenchError, match="would run beside the test data"):
        gexbench(*run)
    with pytest.raises(GexbenchError, match="--trust is for one run"):
        gexbench(*run, "--trust", "--seeds", "0-1")
    assert "is trusted beside the truth, and no board ranks it" in gexbench(*run, "--trust")
    record = read_record(next(place.glob("runs/*/record.json")))
    assert record.status == "ok"
    assert record.plan.plug_ins["dataset"] == file_sha256(place / "cards/trusted_darker.py")
    board = Catalog.load([place / "cards"]).get(BoardCard, "me/paint")
    assert any("was trusted beside the truth; that is never ranked" in why for why in objections(record, board))
    assert "complete" in gexbench("data", "verify", "me/photos", "--registry", "cards", "--trust")
