"""The surrogate's process builds what was kept, answers, and names what it tried."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gexbench.core.images import from_uint8
from gexbench.engine.attacker import surrogate_process
from gexbench.engine.attacker.audit import Incidents
from gexbench.engine.attacker.kept import keep, read_kept
from gexbench.engine.attacker.surrogate_process import Reloaded
from gexbench.engine.wire.frames import Channel, pair
from gexbench.engine.wire.messages import Built, Failed, Infer, Inferred, Message, Ready, Save, Stop, receive, send

from ..toy_orders import HANG, start_surrogate

X = torch.arange(192, dtype=torch.uint8).reshape(1, 3, 8, 8)


class Net(nn.Module):
    latent_size = 5

    def __init__(self, gain: float = 0.5) -> None:
        super().__init__()
        self.config = {"gain": gain}
        self.register_buffer("gain", torch.tensor(gain))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain if not self.training else x * float("nan")


class Drawing(nn.Module):
    """Draws from torch's global generator."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.rand(x.shape)


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("no")


class Bench:
    """The bench's side: it speaks to a surrogate's process, which here is a thread."""

    def __init__(self, control: Channel, thread: threading.Thread) -> None:
        self.control, self.thread = control, thread
        self.codes: list[int] = []
        control.end.settimeout(HANG)

    def tell(self, message: Message) -> None:
        send(self.control, message)

    def hear(self) -> Message | None:
        return receive(self.control, Ready, Built, Inferred, Failed)

    def end(self) -> int:
        self.thread.join(HANG)
        return self.codes[0]


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Incidents:
    """Return the incidents that the audit hook, which would stay for good, would write to."""
    found = Incidents()
    monkeypatch.setattr(surrogate_process.audit, "install", lambda *_: found)
    return found


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, noted: Incidents) -> Iterator[Bench]:
    with ExitStack() as stack:
        control, theirs = pair()
        for end in (control, theirs):
            stack.callback(end.close)
        monkeypatch.setattr(Channel, "inherited", lambda fd: theirs)
        made = Bench(control, threading.Thread(target=lambda: made.codes.append(surrogate_process.main(["5"]))))
        stack.callback(made.thread.join)
        stack.callback(control.end.shutdown, socket.SHUT_WR)  # first, so that a thread that still listens ends
        made.thread.start()
        assert made.hear() == Ready()
        yield made


def order(folder: Path, net: nn.Module) -> Message:
    keep(net, folder)
    return start_surrogate(folder, threads=torch.get_num_threads())


def test_what_was_kept_is_built_and_answers_in_evaluation_mode(bench: Bench, tmp_path: Path, noted: Incidents) -> None:
    bench.tell(order(tmp_path, Net(0.25)))
    assert bench.hear() == Built(latent_size=5)
    noted.add("tried to read /secret")
    for _ in range(2):
        bench.tell(Infer(x=X))
        answer = bench.hear()
        assert isinstance(answer, Inferred)
        assert torch.equal(answer.y, from_uint8(X) * 0.25)
        assert answer.incidents == ("tried to read /secret",)
    bench.tell(Stop())
    assert bench.end() == 0


def test_a_surrogate_that_raises_is_told_with_what_it_tried(bench: Bench, tmp_path: Path, noted: Incidents) -> None:
    bench.tell(order(tmp_path, Broken()))
    assert bench.hear() == Built()
    noted.add("tried to read /secret")
    bench.tell(Infer(x=X))
    assert bench.hear() == Failed(reason="raised ValueError: no", incidents=("tried to read /secret",))
    assert bench.end() == 1


def test_what_cannot_be_built_is_told_with_the_way_out(bench: Bench, tmp_path: Path) -> None:
    made = order(tmp_path, Net())
    (tmp_path / "config.json").write_text('{"colour": 1}')
    bench.tell(made)
    failed = bench.hear()
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("cannot be built anew from its class, config and weights: Net(**config) raised")
    assert bench.end() == 1


def test_what_was_not_kept_is_told_before_anything_is_watched(bench: Bench, tmp_path: Path) -> None:
    made = order(tmp_path, Net())
    (tmp_path / "class.txt").unlink()
    bench.tell(made)
    failed = bench.hear()
    assert isinstance(failed, Failed)
    assert "its class.txt cannot be read" in failed.reason
    assert failed.incidents == ()
    assert bench.end() == 1


@pytest.mark.parametrize("last", [Stop(), None], ids=["is told to", "is left alone"])
def test_it_ends_without_a_surrogate_when_it(bench: Bench, last: Message | None) -> None:
    if last is None:
        bench.control.end.shutdown(socket.SHUT_WR)
    else:
        bench.tell(last)
    assert bench.end() == 0


def test_a_message_that_is_not_due_ends_it(bench: Bench, tmp_path: Path) -> None:
    bench.tell(Save(folder=tmp_path))
    assert bench.end() == 1


def test_what_it_draws_depends_on_the_seed_of_the_run_alone(tmp_path: Path) -> None:
    keep(Drawing(), tmp_path)
    state = torch.get_rng_state()
    answers = []
    for seed in (3, 3, 4):
        torch.rand(1)
        made = start_surrogate(tmp_path, seed=seed, threads=torch.get_num_threads())
        answers.append(Reloaded(made, read_kept(tmp_path)).infer(X))
    torch.set_rng_state(state)
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
