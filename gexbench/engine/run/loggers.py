"""What a run left, for Weights & Biases and MLflow: losses, picture, scores and the record.

It is done after a run and on demand, in a process of the user's: no attack ever sees a logger or its keys. The rest,
such as where a server is, the packages are told as they want it, by WANDB_MODE or MLFLOW_TRACKING_URI for example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexbench.engine.run.losses import Curves, read_folder
from gexbench.errors import GexbenchError
from gexbench.record import RunRecord, read_record


@dataclass(frozen=True)
class Left:
    """What a folder holds: a run's, or a training's without a record. files: those that are kept as they are."""

    name: str
    curves: tuple[Curves, ...]
    record: RunRecord | None
    picture: Path | None
    files: tuple[Path, ...]

    def facts(self) -> dict[str, str | int | float]:
        """Return what was run; what an attack said of itself is not among it."""
        if self.record is None:
            return {}
        plan = self.record.plan
        names = {"task": plan.task.name, "profile": plan.profile.name, "attack": plan.attack.name}
        names |= {"defense": plan.defense.name if plan.defense else "none", "victim": plan.victim.name}
        options = {f"option.{key}": str(value) for key, value in plan.options.items()}
        options |= {f"defense_option.{key}": str(value) for key, value in plan.defense_options.items()}
        return {**names, **options, "id": self.record.id, "budget": plan.budget, "seed": plan.seed}

    def scores(self) -> dict[str, float]:
        """Return the scores by `<metric>/<comparison>/<test>`."""
        scores = self.record.scores if self.record else ()
        return {f"{score.metric}/{score.compare}/{score.test}": score.value for score in scores}


def left_in(folder: Path) -> Left:
    """Read what a run's folder, or a training's, holds; raises as `read_folder` and `read_record`."""
    file, picture = folder / "record.json", folder / "samples.png"
    record = read_record(file) if file.is_file() else None
    kept = tuple(path for path in (file,) if path.is_file())
    return Left(folder.resolve().name, tuple(read_folder(folder)), record, picture if picture.is_file() else None, kept)


Logger = Callable[[Left, str], str]
"""Logs what is left as one run of a project, `to`, and returns where it lies."""


def log(name: str, left: Left, to: str) -> str:
    """Log with the logger of a name; raises GexbenchError where its package is not installed or refuses."""
    try:
        return LOGGERS[name](left, to)
    except ImportError:
        hint = f'pip install "gexbench[{name}]"'
        raise GexbenchError(f"the logger {name!r} needs the package {name}, which is not installed", hint) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != name:
            raise
        raise GexbenchError(f"{name} refuses: {error}", f"see the settings of {name}") from None


def to_wandb(left: Left, to: str) -> str:
    """Log to a project of Weights & Biases; a training's losses are over its own steps."""
    import wandb

    with wandb.init(project=to, name=left.name, config=left.facts()) as run:
        for curves in left.curves:
            run.define_metric(f"{curves.name}/*", step_metric=f"{curves.name}/step")
            for each in curves.steps:
                run.log({f"{curves.name}/step": each.step, **_named(curves, each.losses)})
        if left.picture is not None:
            run.log({"samples": wandb.Image(str(left.picture))})
        run.summary.update(left.scores())
        if left.files:
            artefact = wandb.Artifact(left.name, type="record")
            for path in left.files:
                artefact.add_file(str(path))
            run.log_artifact(artefact)
        return str(run.url or run.dir)


def to_mlflow(left: Left, to: str) -> str:
    """Log to an experiment of MLflow."""
    import mlflow

    mlflow.set_experiment(to)
    with mlflow.start_run(run_name=left.name) as run:
        mlflow.log_params(left.facts())
        for curves in left.curves:
            for each in curves.steps:
                mlflow.log_metrics(_named(curves, each.losses), step=each.step)
        mlflow.log_metrics(left.scores())
        for path in (*left.files, *filter(None, [left.picture])):
            mlflow.log_artifact(str(path))
        return f"{mlflow.get_tracking_uri()} run {run.info.run_id}"


def _named(curves: Curves, losses: Mapping[str, float]) -> dict[str, Any]:
    return {f"{curves.name}/{key}": value for key, value in losses.items()}


LOGGERS: Mapping[str, Logger] = {"wandb": to_wandb, "mlflow": to_mlflow}
