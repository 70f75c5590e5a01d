"""`gexbench losses`: what trainings left becomes event files; what an attack may have put there is refused in words."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gexbench.cli.app import app
from gexbench.engine.run import losses
from gexbench.engine.run.losses import StepLosses, read_folder
from gexbench.errors import GexbenchError

RUNNER = CliRunner()
GOOD = b'{"step": 5, "loss": 0.5, "real": 1}\n{"step": 10, "loss": 0.25, "real": 2}\n'
needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason='wants pip install "gexbench[tensorboard]"'
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run folder in which one training left its losses."""
    return written(tmp_path / "sr-toy-b1-s0", GOOD)


def written(run: Path, content: bytes, name: str = "fit.losses.jsonl") -> Path:
    (run / "contender").mkdir(parents=True, exist_ok=True)
    (run / "contender" / name).write_bytes(content)
    return run


def invoke(folder: Path, to: Path, *words: str) -> Result:
    result = RUNNER.invoke(app, ["losses", str(folder), "--to", str(to), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@needs_tensorboard
def test_the_losses_of_a_run_become_event_files(run: Path, tmp_path: Path) -> None:
    written(run, b'{"step": 1, "judge photo": -3.5}\n', "adversarial.losses.jsonl")
    shown = invoke(run, tmp_path / "events").stdout
    place = tmp_path / "events" / run.name
    assert scalars(place / "fit") == {"loss": [(5, 0.5), (10, 0.25)], "real": [(5, 1.0), (10, 2.0)]}
    assert scalars(place / "adversarial") == {"judge photo": [(1, -3.5)]}
    assert f"tensorboard --logdir {tmp_path / 'events'}" in shown
    assert "2 ticks" in shown


@needs_tensorboard
def test_made_again_they_are_replaced(run: Path, tmp_path: Path) -> None:
    invoke(run, tmp_path / "events")
    written(run, b'{"step": 7, "loss": 2}\n')
    document = json.loads(invoke(run, tmp_path / "events", "--json").stdout)
    place = tmp_path / "events" / run.name / "fit"
    assert scalars(place) == {"loss": [(7, 2.0)]}
    assert document == {"events": [{"training": "fit", "ticks": 1, "path": str(next(place.iterdir()))}]}


@pytest.fixture
def without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tensorboard be missing."""
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    yield
    sys.modules.pop("torch.utils.tensorboard", None)


@pytest.mark.usefixtures("without_tensorboard")
def test_without_tensorboard_the_way_to_get_it_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(GexbenchError, match="tensorboard, which is not installed") as refused:
        invoke(run, tmp_path / "events")
    assert refused.value.hint == 'pip install "gexbench[tensorboard]"'
    assert not (tmp_path / "events").exists()


def test_the_folder_of_a_victim_in_training_is_read_itself(tmp_path: Path) -> None:
    (tmp_path / "fit.losses.jsonl").write_bytes(GOOD)
    (curves,) = read_folder(tmp_path)
    assert curves.name == "fit"
    assert curves.steps[0] == StepLosses(5, {"loss": 0.5, "real": 1.0})


def test_a_last_line_that_a_kill_tore_is_left_out(tmp_path: Path) -> None:
    (curves,) = read_folder(written(tmp_path, GOOD + b'{"step": 15, "lo'))
    assert [tick.step for tick in curves.steps] == [5, 10]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no json", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"\xff\xfe", "not a JSON object"),
        (b"", "not a JSON object"),
        (b"[" * 4000, "not a JSON object"),
        (b'{"step": 11, "loss": "' + b"x" * 5000 + b'"}', "more than 4096 bytes"),
        (b'{"loss": 1.0}', "step is not a whole number above"),
        (b'{"step": 10, "loss": 1.0}', "step is not a whole number above"),
        (b'{"step": 11.0, "loss": 1.0}', "step is not a whole number above"),
        (b'{"step": true, "loss": 1.0}', "step is not a whole number above"),
        (b'{"step": 9007199254740992, "loss": 1.0}', "step is not a whole number above"),
        (b'{"step": ' + b"9" * 4000 + b"}", "step is not a whole number above"),
        (b'{"step": 11, "loss": NaN}', "loss is not a finite number"),
        (b'{"step": 11, "loss": -Infinity}', "loss is not a finite number"),
        (b'{"step": 11, "loss": 1e999}', "loss is not a finite number"),
        (b'{"step": 11, "loss": ' + b"9" * 400 + b"}", "loss is not a finite number"),
        (b'{"step": 11, "loss": "1.0"}', "loss is not a finite number"),
        (b'{"step": 11, "loss": false}', "loss is not a finite number"),
        (b'{"step": 11, "\\u001b[31m": 1.0}', "a loss's name is not letters"),
        (b'{"step": 11, "' + b"x" * 61 + b'": 1.0}', "a loss's name is not letters"),
    ],
)
def test_a_bad_line_is_refused_by_file_and_number(tmp_path: Path, line: bytes, reason: str) -> None:
    with pytest.raises(GexbenchError, match=rf"fit\.losses\.jsonl are refused: line 3: .*{reason}"):
        invoke(written(tmp_path / "run", GOOD + line + b"\n"), tmp_path / "events")
    assert not (tmp_path / "events").exists()


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MOST_BYTES", len(GOOD))
    assert len(read_folder(written(tmp_path, GOOD))) == 1
    with pytest.raises(GexbenchError, match="more than"):
        read_folder(written(tmp_path, GOOD + b" "))


def test_more_files_than_any_run_has_are_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MOST_FILES", 1)
    with pytest.raises(GexbenchError, match="holds 2 files of losses"):
        read_folder(written(run, GOOD, "b.losses.jsonl"))


def test_links_and_pipes_are_refused(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(GOOD)
    file = run / "contender" / "fit.losses.jsonl"
    file.unlink()
    file.symlink_to(secret)
    with pytest.raises(GexbenchError, match="refused: it is a link"):
        read_folder(run)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(GexbenchError, match="refused: it is no plain file"):
        read_folder(run)


def test_a_linked_contender_folder_is_not_entered(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "contender").symlink_to(run / "contender")
    with pytest.raises(GexbenchError, match="holds no losses"):
        read_folder(other)


def test_a_strange_file_name_is_refused_and_printed_harmlessly(run: Path) -> None:
    with pytest.raises(GexbenchError, match=r"\\x1b\[2J\.losses\.jsonl are refused: its name"):
        read_folder(written(run, GOOD, "\x1b[2J.losses.jsonl"))


@pytest.mark.parametrize(("folder", "reason"), [("gone", "cannot read .*gone"), (".", "holds no losses")])
def test_a_folder_without_losses_is_named(tmp_path: Path, folder: str, reason: str) -> None:
    with pytest.raises(GexbenchError, match=reason):
        read_folder(tmp_path / folder)
