"""A surrogate across a channel: it is built, asked and ended, and what it says is a claim.

No process is started: what it says lies in the channel before the bench asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from gexbench.engine.run import remote
from gexbench.engine.run.remote import Confines
from gexbench.engine.run.remote_surrogate import RemoteSurrogate
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.launch import Exit
from gexbench.engine.sandbox.rules import Rules
from gexbench.engine.wire.frames import Channel, pair
from gexbench.engine.wire.messages import (
    Built,
    Failed,
    Infer,
    Inferred,
    Message,
    Progress,
    Ready,
    StartSurrogate,
    Stop,
    receive,
    send,
)
from gexbench.errors import RunFailed

from ..toy_orders import quiet, start_surrogate

X = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
Y = torch.full((1, 3, 8, 8), 0.5)


class Process:
    """A child that ends when it is told to."""

    def wait(self, timeout: float | None = None) -> Exit:
        return Exit(code=0, signal=None, killed=False, stragglers=1, survivors=0, peak_memory=77)


@dataclass
class Stage:
    """The surrogate as the bench has it, the far end of its channel, and what was noted."""

    surrogate: RemoteSurrogate
    far: Channel
    journal: Journal
    scratch: Path

    def says(self, *messages: Message) -> None:
        """Lay ready what the surrogate's process says."""
        for message in messages:
            send(self.far, message)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    scratch = tmp_path / "scratch"
    (scratch / "left").mkdir(parents=True)
    with ExitStack() as stack:
        ours, far = pair()
        for end in (ours, far):
            stack.callback(end.close)

        def spawn(module: str, confines: Confines, passed: object) -> tuple[Process, Channel]:
            assert (module, passed) == ("gexbench.engine.attacker.surrogate_process", ())
            assert not confines.folder.exists()
            confines.folder.mkdir()
            return Process(), ours

        monkeypatch.setattr(remote, "_spawn", spawn)
        journal = Journal(quiet)
        where = Confines(scratch, tmp_path / "log.txt", Rules())
        yield Stage(RemoteSurrogate(start_surrogate(tmp_path), where, journal), far, journal, scratch)


def test_it_is_built_asked_and_ended_in_the_order_of_the_protocol(stage: Stage) -> None:
    stage.says(Ready(), Built(latent_size=8, incidents=("tried a",)), Inferred(y=Y.half(), incidents=("tried b",)))
    stage.surrogate.build()
    assert stage.surrogate.latent_size == 8
    assert torch.equal(stage.surrogate.infer(X), Y)
    stage.surrogate.stop()
    heard = [receive(stage.far, StartSurrogate, Infer, Stop) for _ in range(3)]
    assert [message.op for message in heard if message] == ["start-surrogate", "infer", "stop"]
    assert stage.journal.incidents == ["tried a", "tried b", "left 1 process(es) behind, killed"]
    assert stage.journal.peak_memory == {"surrogate": 77}


def test_its_folder_is_empty_at_the_start_and_gone_in_the_end(stage: Stage) -> None:
    assert list(stage.scratch.iterdir()) == []
    (stage.scratch / "kept").touch()
    stage.surrogate.stop()
    assert not stage.scratch.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([Failed(reason="cannot be built anew: no; do so", incidents=("tried a",))], "cannot be built anew: no; do so"),
        ([Ready(), Inferred(y=Y)], "'s process sent something else than a frame it may send: 'inferred' where"),
        ([Ready(), Progress(what="x", done=1, total=2)], "'s process sent something else than a frame it may send"),
    ],
    ids=["fails", "is out of turn", "shows progress"],
)
def test_a_surrogate_that_is_not_built_ends_the_run_with_the_reason(
    stage: Stage, said: list[Message], told: str
) -> None:
    stage.says(*said)
    with pytest.raises(RunFailed) as failed:
        stage.surrogate.build()
    assert told in str(failed.value)
    assert str(failed.value).startswith("the surrogate")


def test_a_surrogate_that_goes_away_ends_the_run(stage: Stage) -> None:
    stage.far.close()
    with pytest.raises(RunFailed, match="the surrogate ended early: its process exited with code 0 before it had answ"):
        stage.surrogate.build()
