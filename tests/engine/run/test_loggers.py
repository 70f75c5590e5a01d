"""What a run left reaches Weights & Biases and MLflow, here in the place of which small ones stand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from record_factory import Records, save, write_registry
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.engine.run.loggers import left_in, log
from gexbench.errors import BoardError, GexbenchError

LOSSES = '{"step": 5, "loss": 0.5}\n{"step": 10, "loss": 0.25}\n'


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run that left losses, a picture and a record."""
    records = Records(write_registry(tmp_path / "registry"))
    folder = save(records.make(defense="jpeg", settings=("steps=7",)), tmp_path)
    (folder / "attacker" / ("0" * 32)).mkdir(parents=True)
    (folder / "attacker" / ("0" * 32) / "fit.losses.jsonl").write_text(LOSSES)
    (folder / "samples.png").write_bytes(b"picture")
    return folder


class Heard:
    """Stands for both packages and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def say(self, *words: Any, **named: Any) -> None:
        """Keep what was said."""
        self.told.append((*words, *named.items()) if named else words)


def fake_wandb(heard: Heard) -> ModuleType:
    made: Any = ModuleType("wandb")

    @contextmanager
    def init(project: str, name: str, config: dict[str, Any]) -> Iterator[Any]:
        heard.say("init", project, name, config)
        summary = SimpleNamespace(update=lambda scores: heard.say("summary", scores))
        yield SimpleNamespace(
            log=heard.say, define_metric=heard.say, log_artifact=heard.say, summary=summary, url=None, dir="offline/7"
        )
        heard.say("end")

    made.init, made.Image = init, lambda path: Path(path).name
    made.Artifact = lambda name, type: SimpleNamespace(add_file=lambda path: heard.say("file", Path(path).name))
    return made


def fake_mlflow(heard: Heard) -> ModuleType:
    made: Any = ModuleType("mlflow")

    @contextmanager
    def start_run(run_name: str) -> Iterator[Any]:
        heard.say("run", run_name)
        yield SimpleNamespace(info=SimpleNamespace(run_id="r1"))

    made.start_run, made.get_tracking_uri = start_run, lambda: "file:///x"
    made.set_experiment = made.log_params = made.log_metrics = heard.say
    made.log_artifact = lambda path: heard.say("file", Path(path).name)
    return made


def test_a_run_goes_to_weights_and_biases(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(heard))
    assert log("wandb", left_in(run), "thefts") == "offline/7"
    first, *rest = heard.told
    assert first[:3] == ("init", "thefts", run.name)
    assert (first[3]["attack"], first[3]["defense"], first[3]["option.steps"]) == ("srresnet", "jpeg", "7")
    assert ({"fit/step": 5, "fit/loss": 0.5},) in rest
    assert ({"samples": "samples.png"},) in rest
    assert ("file", "record.json") in rest
    assert rest[-1] == ("end",)
    (scores,) = [words[1] for words in rest if words[0] == "summary"]
    assert scores["psnr-y/B/set5"] == 27.0


def test_a_run_goes_to_mlflow(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    monkeypatch.setitem(sys.modules, "mlflow", fake_mlflow(heard))
    assert log("mlflow", left_in(run), "thefts") == "file:///x run r1"
    assert heard.told[:2] == [("thefts",), ("run", run.name)]
    assert ({"fit/loss": 0.25}, ("step", 10)) in heard.told
    assert heard.told[-2:] == [("file", "record.json"), ("file", "samples.png")]


def test_a_training_without_a_record_has_losses_alone(tmp_path: Path) -> None:
    (tmp_path / "fit.losses.jsonl").write_text(LOSSES)
    left = left_in(tmp_path)
    assert (left.facts(), left.scores(), left.files, left.picture) == ({}, {}, (), None)
    assert len(left.curves[0].steps) == 2


def test_an_edited_record_and_losses_that_are_none_are_not_logged(run: Path) -> None:
    (run / "record.json").write_text((run / "record.json").read_text().replace("27.0", "99.0"))
    with pytest.raises(BoardError, match="was changed"):
        left_in(run)
    (run / "record.json").unlink()
    next(run.glob("attacker/*/*.jsonl")).write_text('{"step": 1, "x": NaN}\n')
    with pytest.raises(GexbenchError, match="not a finite number"):
        left_in(run)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_logger_without_its_package_names_the_extra(run: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(GexbenchError, match=f"needs the package {name}") as refused:
        log(name, left_in(run), "thefts")
    assert f"gexbench[{name}]" in refused.value.hint


def test_what_a_package_refuses_is_one_line_and_a_bug_stays_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = type("UsageError", (Exception,), {"__module__": "mlflow.exceptions"})
    for error, kind in ((refusal("no key"), GexbenchError), (KeyError("x"), KeyError)):
        made = fake_mlflow(Heard())

        def refuse(*_: object, error: Exception = error) -> None:
            raise error

        made.set_experiment = refuse  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "mlflow", made)
        with pytest.raises(kind, match=r"x|mlflow refuses: no key"):
            log("mlflow", left_in(run), "thefts")


def test_the_command_logs_where_it_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(Heard()))
    words = ["losses", str(run), "--to", "thefts", "--logger", "wandb"]
    assert f"{run.name} is in offline/7" in CliRunner().invoke(app, words).stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["logged"]
    assert told == {"logger": "wandb", "place": "offline/7", "trainings": [{"training": "fit", "ticks": 2}]}
