"""The attacker's process follows the bench's messages, and tells what became of the attack."""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8
from gexbench.core.oracle import Oracle
from gexbench.engine.attacker import process
from gexbench.engine.attacker.audit import Incidents
from gexbench.engine.attacker.kept import AT_THE_TOP, read_kept
from gexbench.engine.attacker.process import Attacker
from gexbench.engine.wire.frames import Channel, Frame, pair
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.messages import (
    Answer,
    Extracted,
    Failed,
    Infer,
    Message,
    Progress,
    Query,
    Ready,
    Save,
    Saved,
    StartAttack,
    Stop,
    receive,
    send,
)

from ..toy_orders import HANG, quiet, start_attack

X = torch.arange(192, dtype=torch.uint8).reshape(1, 3, 8, 8)


class Net(nn.Module):
    def __init__(self, learned: Tensor) -> None:
        super().__init__()
        self.config = {"scale": 2}
        self.gain = nn.Parameter(learned.mean().reshape(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain if not self.training else x * float("nan")


class Honest:
    """Asks once, reports, and returns a net."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        brief.progress("training", 1, 2)
        self.report = {"asked": len(brief.pool)}
        return Net(oracle.query(torch.stack([*brief.pool])))


class Frugal:
    """Asks once and reports what it was told."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        answer = oracle.query(brief.pool[0][None])
        assert oracle.budget == brief.budget
        self.report = {"budget": brief.budget, "left": oracle.remaining, "options": " ".join(brief.options)}
        return Net(answer)


class Meddler:
    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        os.environ["TOY"] = "spoilt"
        return nn.Identity()


class Raising:
    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        raise ValueError("no\ud800 way")


class Leaving:
    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        raise SystemExit(3)


class Returning:
    """Returns nothing."""

    def extract(self, oracle: Oracle, brief: Brief) -> None:
        return None


class Closing:
    """Returns a closure."""

    def extract(self, oracle: Oracle, brief: Brief) -> Callable[[Tensor], Tensor]:
        return lambda x: x


class Bench:
    """The bench's side: it speaks to an attacker's process, which here is a thread."""

    def __init__(self, control: Channel, oracle: Channel, thread: threading.Thread) -> None:
        self.control, self.oracle, self.thread = control, oracle, thread
        self.codes: list[int] = []
        for end in (control, oracle):
            end.end.settimeout(HANG)

    def tell(self, message: Message) -> None:
        send(self.control, message)

    def hear(self) -> Message | None:
        return receive(self.control, Ready, Progress, Extracted, Saved, Failed)

    def end(self) -> int:
        self.thread.join(HANG)
        return self.codes[0]


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Incidents:
    """Return the incidents that the audit hook, which would stay for good, would write to."""
    found = Incidents()
    monkeypatch.setattr(process.audit, "install", lambda *_: found)
    return found


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, noted: Incidents) -> Iterator[Bench]:
    with ExitStack() as stack:
        (control, theirs), (oracle, mine) = pair(), pair()
        ends = {"5": theirs, "6": mine}
        for end in (control, theirs, oracle, mine):
            stack.callback(end.close)
        monkeypatch.setattr(Channel, "inherited", lambda fd: ends[str(fd)])
        made = Bench(control, oracle, threading.Thread(target=lambda: made.codes.append(process.main(["5", "6"]))))
        stack.callback(made.thread.join)
        stack.callback(control.end.shutdown, socket.SHUT_WR)  # first, so that a thread that still listens ends
        made.thread.start()
        assert made.hear() == Ready()
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store_images(tmp_path / "pool.safetensors", [from_uint8(X[0]), 1 - from_uint8(X[0])])
    return tmp_path


def order(folder: Path, attack: type, **changes: Any) -> StartAttack:
    threads = torch.get_num_threads()
    return start_attack(folder, entry=f"{__name__}:{attack.__name__}", threads=threads, **changes)


def test_an_attack_is_run_and_saved(bench: Bench, folder: Path) -> None:
    bench.tell(order(folder, Honest))
    assert bench.hear() == Progress(what="training", done=1, total=2)
    question = receive(bench.oracle, Query)
    assert question is not None
    assert torch.equal(question.x, torch.cat([X, 255 - X]))
    send(bench.oracle, Answer(y=torch.full((2, 3, 8, 8), 51, dtype=torch.uint8), remaining=6))
    assert bench.hear() == Extracted(report={"asked": 2})
    bench.tell(Save(folder=folder / "kept" / "here"))
    saved = bench.hear()
    assert isinstance(saved, Saved)
    assert saved.answer is not None
    torch.testing.assert_close(saved.answer, from_uint8(X) * 0.2)
    kept = read_kept(folder / "kept" / "here")
    assert (kept.entry, kept.config) == (f"{__name__}:Net", {"scale": 2})
    assert kept.weights is not None
    torch.testing.assert_close(safetensors.torch.load_file(kept.weights), {"gain": torch.tensor([0.2])})
    bench.tell(Stop())
    assert bench.end() == 0


def test_an_attack_that_adapts_pays_for_every_copy_and_knows_only_what_it_may_ask(bench: Bench, folder: Path) -> None:
    bench.tell(order(folder, Frugal, adaptive={"jitter": 3}, options={"own": 1}))
    question = receive(bench.oracle, Query)
    assert question is not None
    assert len(question.x) == 3
    send(bench.oracle, Answer(y=question.x, remaining=5))
    assert bench.hear() == Extracted(report={"budget": 2, "left": 1, "options": "own"})


@pytest.mark.parametrize("last", [Stop(), None], ids=["is told to", "is left alone"])
def test_it_ends_without_an_attack_when_it(bench: Bench, last: Message | None) -> None:
    if last is None:
        bench.control.end.shutdown(socket.SHUT_WR)
    else:
        bench.tell(last)
    assert bench.end() == 0


def test_attempts_and_changes_are_handed_over_with_the_surrogate(
    bench: Bench, folder: Path, noted: Incidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY", "as it was")
    noted.add("tried to read /secret")
    bench.tell(order(folder, Meddler))
    extracted = bench.hear()
    assert isinstance(extracted, Extracted)
    assert extracted.incidents == ("tried to read /secret", "the environment variable TOY was changed")
    noted.add("tried to write /record")
    bench.tell(Save(folder=folder))
    saved = bench.hear()
    assert isinstance(saved, Saved)
    assert saved.incidents == ("tried to read /secret", "tried to write /record")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [(Raising, "raised ValueError: no\\ud800 way"), (Leaving, "raised SystemExit: 3")],
    ids=["raises", "leaves"],
)
def test_an_attack_that_raises_is_told_with_what_it_tried(
    bench: Bench, folder: Path, noted: Incidents, attack: type, reason: str
) -> None:
    noted.add("tried to read /secret")
    bench.tell(order(folder, attack))
    assert bench.hear() == Failed(reason=reason, incidents=("tried to read /secret",))
    assert bench.end() == 1


def test_an_attack_whose_pool_cannot_be_read_is_told_before_anything_is_watched(bench: Bench, folder: Path) -> None:
    (folder / "pool.safetensors").unlink()
    bench.tell(order(folder, Honest))
    failed = bench.hear()
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("raised FileNotFoundError: ")
    assert failed.incidents == ()
    assert bench.end() == 1


def test_a_surrogate_that_is_none_fails_when_it_is_saved(bench: Bench, folder: Path) -> None:
    bench.tell(order(folder, Returning))
    assert bench.hear() == Extracted()
    bench.tell(Save(folder=folder / "kept"))
    assert bench.hear() == Failed(reason="raised TypeError: the attack returned no surrogate")
    assert bench.end() == 1


def test_a_surrogate_that_cannot_be_kept_is_told_with_the_way_out(bench: Bench, folder: Path) -> None:
    bench.tell(order(folder, Closing))
    assert bench.hear() == Extracted()
    bench.tell(Save(folder=folder / "kept"))
    failed = bench.hear()
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("returned a surrogate that cannot be kept: its class 'builtins:function' cannot be")
    assert failed.reason.endswith(AT_THE_TOP)


@pytest.mark.parametrize(("largest", "comes"), [(X.numel() * 4, True), (X.numel() * 4 - 1, False)])
def test_an_answer_that_is_too_large_to_travel_stays_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, largest: int, comes: bool
) -> None:
    monkeypatch.setattr(process, "LARGEST_ANSWER", largest)
    attacker = Attacker(order(folder, Honest), lambda _: Answer(y=torch.cat([X, X]), remaining=6), quiet)
    attacker.extract()
    assert (attacker.save(folder / "kept") is not None) == comes


def test_a_module_that_is_missing_is_told(bench: Bench, folder: Path) -> None:
    bench.tell(order(folder, Honest).model_copy(update={"entry": "no_such_module:Attack"}))
    failed = bench.hear()
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("raised CardError: cannot import 'no_such_module'")


@pytest.mark.parametrize("frame", [Infer(x=X).frame(), Frame("burn")], ids=["out of turn", "unknown"])
def test_a_message_that_is_not_due_ends_the_process_without_a_word(bench: Bench, frame: Frame) -> None:
    bench.control.send(frame)
    assert bench.end() == 1
    assert select.select([bench.control], [], [], 0)[0] == []


def test_a_plug_ins_code_is_found_in_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "toy_plug_in_attack.py").write_text(
        "class Net:\n    config = {'gain': 0.5}\n    def __call__(self, x): ...\n\n"
        "class It:\n    def extract(self, oracle, brief):\n        return Net()\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = start_attack(folder, entry="toy_plug_in_attack:It", code=folder)
    attacker = Attacker(made, lambda question: pytest.fail("nothing is asked"), quiet)
    attacker.extract()
    attacker.save(folder / "kept")
    kept = read_kept(folder / "kept")
    assert (kept.entry, kept.config, kept.weights) == ("toy_plug_in_attack:Net", {"gain": 0.5}, None)
