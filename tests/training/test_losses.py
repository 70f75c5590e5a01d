"""The losses of a training as a file: each step once and in order, whatever stopped it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as processes
from torch import Tensor, nn
from training_factory import context_in

from gexbench.errors import RunFailed
from gexbench.training.loop import Loop, run_steps
from gexbench.training.losses import LossLog

STEPS = 6


def loop(folder: Path, steps: int = STEPS, fingerprint: str = "one", every: float = 0.0) -> Loop:
    return Loop("toy", steps, fingerprint, context_in(folder), every)


def train(this: Loop, before: Callable[[int], None] = lambda number: None, sign: float = 1.0) -> None:
    """Train nothing; the losses are numbers of the steps."""

    def step(number: int) -> Mapping[str, Tensor]:
        before(number)
        return {"up": torch.tensor(sign * number), "half": torch.tensor([number / 2])}

    run_steps(step, {"net": nn.Linear(1, 1)}, this)


def stop_at(last: int) -> Callable[[int], None]:
    def before(number: int) -> None:
        if number == last:
            raise KeyboardInterrupt

    return before


def lines(this: Loop) -> list[dict[str, Any]]:
    return [json.loads(line) for line in this.losses.read_text(encoding="utf-8").splitlines()]


def kill_at_four(folder: str) -> None:
    train(loop(Path(folder), every=1e9), lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == 4 else None)


WHOLE = [{"step": number + 1, "up": float(number), "half": number / 2} for number in range(STEPS)]


def test_every_step_is_a_line_with_its_losses(tmp_path: Path) -> None:
    train(loop(tmp_path))
    assert loop(tmp_path).losses == tmp_path / "toy.losses.jsonl"
    assert lines(loop(tmp_path)) == WHOLE


def test_a_long_training_has_about_a_hundred_lines(tmp_path: Path) -> None:
    train(loop(tmp_path, steps=350, every=1e9))
    steps = [line["step"] for line in lines(loop(tmp_path))]
    assert steps == [*range(3, 351, 3), 350]


@pytest.mark.parametrize("every", [0.0, 1e9], ids=["with checkpoints", "without"])
def test_a_stopped_training_that_goes_on_has_each_step_once_and_in_order(tmp_path: Path, every: float) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(loop(tmp_path, every=every), stop_at(4))
    assert len(lines(loop(tmp_path))) == 4
    train(loop(tmp_path, every=every))
    assert lines(loop(tmp_path)) == WHOLE


def test_steps_after_the_checkpoint_are_written_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(loop(tmp_path), stop_at(2))
    with loop(tmp_path).losses.open("a", encoding="utf-8") as file:
        file.write('{"step": 3, "up": 99.0}\n{"step": 4, "up": 99.0}\n')
    train(loop(tmp_path))
    assert lines(loop(tmp_path)) == WHOLE


def test_a_killed_process_leaves_each_step_once(tmp_path: Path) -> None:
    child = processes.get_context("spawn").Process(target=kill_at_four, args=(str(tmp_path),))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert lines(loop(tmp_path)) == WHOLE[:4]
    train(loop(tmp_path))
    assert lines(loop(tmp_path)) == WHOLE


@pytest.mark.parametrize("torn", [b'{"st', b'{"step": 2, "up": 1.0', b'{"step": 2, "up": 1.0}', b"\x00\xff", b"[]\n"])
def test_a_torn_last_line_is_dropped(tmp_path: Path, torn: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(loop(tmp_path), stop_at(2))
    with loop(tmp_path).losses.open("ab") as file:
        file.write(torn)
    train(loop(tmp_path))
    assert lines(loop(tmp_path)) == WHOLE


def test_a_finished_training_leaves_its_losses_alone(tmp_path: Path) -> None:
    train(loop(tmp_path))
    losses = loop(tmp_path).losses
    before = losses.read_bytes(), losses.stat().st_mtime_ns
    train(loop(tmp_path), stop_at(0))
    assert (losses.read_bytes(), losses.stat().st_mtime_ns) == before


def test_another_training_starts_its_losses_anew(tmp_path: Path) -> None:
    train(loop(tmp_path))
    train(loop(tmp_path, fingerprint="two"), sign=-1.0)
    assert [line["up"] for line in lines(loop(tmp_path))] == [0.0, -1.0, -2.0, -3.0, -4.0, -5.0]


def test_what_diverges_is_not_written(tmp_path: Path) -> None:
    values = (torch.tensor(1.0), torch.tensor(float("nan")))
    with pytest.raises(RunFailed, match="toy: loss is nan at step 1"):
        run_steps(lambda number: {"loss": values[number]}, {}, loop(tmp_path))
    assert lines(loop(tmp_path)) == [{"step": 1, "loss": 1.0}]


def test_a_loss_named_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be named 'step'"):
        LossLog(tmp_path / "toy.losses.jsonl", 0).add(1, {"step": 2.0})
    assert list(tmp_path.iterdir()) == []
