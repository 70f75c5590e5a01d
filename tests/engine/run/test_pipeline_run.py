"""A run on a pipeline of diffusers, in a sandboxed service."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_factory import drawing
from typer.testing import CliRunner

from gexbench.boards.accept import objections
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.cli.app import app
from gexbench.errors import GexbenchError
from gexbench.record import read_record


def gexbench(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_a_pipeline_is_carded_asked_and_stands_on_no_board_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    drawing(tmp_path / "pipe")
    gexbench("new", "victim", "me/painter", "--from", "pipe", "--set", "num_inference_steps=1")
    card = (tmp_path / "cards/victims/painter.toml").read_text()
    assert "num_inference_steps = 1" in card
    run = ("run", "--registry", "cards", "--task", "latent-fidelity", "--victim", "me/painter", "--budget", "100")
    with pytest.raises(GexbenchError, match="needs the knowledge 'latents'"):
        gexbench(*run, "--attack", "latent-regression")
    gexbench(*run, "--attack", "sngan", "--set", "steps=1")
    record = read_record(next((tmp_path / "runs").glob("*/record.json")))
    assert (record.status, record.account.answered) == ("ok", 100)
    board = Catalog.load().get(BoardCard, "latent-fidelity")
    assert any("somebody's own" in why for why in objections(record, board))
