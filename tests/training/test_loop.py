"""The training loop: steps by number, and checkpoints that change nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as processes
from torch import Tensor, nn
from training_factory import Interrupted, context_in, equal

from gexbench.errors import RunFailed
from gexbench.nets.initialise import seeded
from gexbench.training.loop import (
    Loop,
    cosine_rate,
    derived_seed,
    run_steps,
    set_rate,
    step_generator,
)

STEPS = 6


def loop(folder: Path, fingerprint: str = "one", every: float = 0.0) -> Loop:
    return Loop("toy", STEPS, fingerprint, context_in(folder), every)


def train(this: Loop, before: Callable[[int], None] = lambda number: None) -> nn.Module:
    """Train a small net with momentum on noise drawn by the number of the step."""
    net = seeded(lambda: nn.Conv2d(3, 3, 3), 0).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)

    def step(number: int) -> Mapping[str, Tensor]:
        before(number)
        set_rate(optimiser, 1e-2 * cosine_rate(number, STEPS))
        loss = net(torch.rand(2, 3, 8, 8, generator=step_generator(0, "noise", number))).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return {"loss": loss.detach()}

    run_steps(step, {"net": net, "optimiser": optimiser}, this)
    return net


def stop_at(last: int) -> Callable[[int], None]:
    def before(number: int) -> None:
        if number == last:
            raise Interrupted

    return before


def kill_at_four(folder: str, threads: int) -> None:
    torch.set_num_threads(threads)
    train(loop(Path(folder)), lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == 4 else None)


@pytest.mark.parametrize("every", [0.0, 1e9], ids=["with checkpoints", "without"])
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path: Path, every: float) -> None:
    straight = train(loop(tmp_path / "straight"))
    with pytest.raises(Interrupted):
        train(loop(tmp_path, every=every), stop_at(3))
    assert equal(train(loop(tmp_path, every=every)), straight)


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(loop(tmp_path), stop_at(3))
    seen: list[int] = []
    train(loop(tmp_path), seen.append)
    assert seen == [3, 4, 5]


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = train(loop(tmp_path, every=1e9))
    assert equal(train(loop(tmp_path), stop_at(0)), first)


def test_a_killed_process_ends_with_the_same_bits(tmp_path: Path) -> None:
    child = processes.get_context("spawn").Process(target=kill_at_four, args=(str(tmp_path), torch.get_num_threads()))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    seen: list[int] = []
    again = train(loop(tmp_path), seen.append)
    assert seen == [4, 5]
    assert equal(again, train(loop(tmp_path / "straight")))


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_a_torn_checkpoint_is_ignored(tmp_path: Path, kept: int) -> None:
    straight = train(loop(tmp_path))
    file = loop(tmp_path).file
    file.write_bytes(file.read_bytes()[:kept])
    seen: list[int] = []
    assert equal(train(loop(tmp_path), seen.append), straight)
    assert seen == list(range(STEPS))


def test_a_checkpoint_of_another_training_is_ignored(tmp_path: Path) -> None:
    train(loop(tmp_path))
    seen: list[int] = []
    train(loop(tmp_path, "another"), seen.append)
    assert seen == list(range(STEPS))


def test_a_checkpoint_that_does_not_fit_leaves_the_first_weights(tmp_path: Path) -> None:
    straight = train(loop(tmp_path / "straight"))
    train(loop(tmp_path))
    content = torch.load(loop(tmp_path).file, weights_only=True)
    content["states"]["net"]["bias"] = torch.zeros(7)
    torch.save(content, loop(tmp_path).file)
    assert equal(train(loop(tmp_path)), straight)


def test_a_checkpoint_that_would_run_code_is_ignored(tmp_path: Path) -> None:
    torch.save({"fingerprint": "one", "done": Interrupted}, loop(tmp_path).file)
    seen: list[int] = []
    train(loop(tmp_path), seen.append)
    assert seen == list(range(STEPS))


class Opening:
    """What makes a file where it is unpickled with everything allowed."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[str, str], object], tuple[str, str]]:
        return open, (str(self.file), "w")


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    torch.save({"fingerprint": "one", "done": Opening(tmp_path / "was run")}, loop(tmp_path).file)
    train(loop(tmp_path))
    assert not (tmp_path / "was run").exists()


def test_progress_is_told_by_name(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    context = replace(context_in(tmp_path), progress=lambda *what: told.append(what))
    train(Loop("toy", STEPS, "one", context))
    assert told == [("toy", done, STEPS) for done in range(1, STEPS + 1)]


def test_a_diverging_training_fails_by_name(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="toy: loss is nan at step 0"):
        run_steps(lambda number: {"loss": torch.tensor(float("nan"))}, {}, loop(tmp_path))


def test_rates_fall_from_one_to_the_floor() -> None:
    assert cosine_rate(0, 10) == 1.0
    assert cosine_rate(5, 10, floor=0.2) == pytest.approx(0.6)
    assert cosine_rate(10, 10, floor=0.2) == pytest.approx(0.2)


def test_draws_differ_by_seed_use_and_number() -> None:
    seeds = {derived_seed(seed, use, number) for seed in (0, 1) for use in ("a", "b") for number in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)
