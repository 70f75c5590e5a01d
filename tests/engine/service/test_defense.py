"""A defense that breaks its contract fails the run, by its name and with what it returned."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.core.defense import Defense, History
from gexbench.engine.kinds.image_to_image import KIND as IMAGES
from gexbench.engine.kinds.sampling import KIND as DRAWS
from gexbench.engine.service.defense import BESIDE, Asked, Bound, FarDoor, Guard, Silent
from gexbench.engine.wire.frames import Frame, encode, pair
from gexbench.engine.wire.guarding import Defends, Guarded, GuardOne, Harden, Hardened, StartDefense
from gexbench.engine.wire.messages import Message, Stop
from gexbench.errors import RunFailed
from gexbench.record import read_record

from ..fronts import KEY, Held, guard
from .test_pytorch_victim import card, opened

EXAMPLE = Path(__file__).resolve().parents[3] / "submissions" / "example" / "nearest"
CARD = '[defense]\nname = "a/b"\nsummary = "Broken."\nentry = "defense:It"\n'
CODE = """
from gexbench.core.defense import Defense

class It(Defense):
    def guard_output(self, x, y, history):
        return y + 1
"""


class Changing(Defense):
    """Does the same to questions and answers."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__({})
        self._change = change

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        return self._change(x)  # type: ignore[no-any-return]

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        return self._change(z)  # type: ignore[no-any-return]

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return self._change(y)  # type: ignore[no-any-return]


BROKEN: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "shape": (lambda y: y[..., 1:], r"returned torch.float32 \(1, 3, 8, 7\), not floats of \(1, 3, 8, 8\)"),
    "dtype": (lambda y: (y * 255).byte(), r"returned torch.uint8 \(1, 3, 8, 8\), not floats"),
    "nan": (lambda y: y * float("nan"), r"returned values from nan to nan, outside \[0,1\]"),
    "range": (lambda y: y - 0.25, r"returned values from -0.25 to 0.24803922, outside \[0,1\]"),
    "truths": (lambda y: y > 0, r"returned torch.bool \(1, 3, 8, 8\), not floats"),
    "ragged": (lambda y: y.to_sparse(), "raised "),
    "nothing": (lambda y: None, "returned NoneType, not a tensor"),
    "error": (lambda y: y[9], "raised IndexError: index 9"),
}


@pytest.mark.parametrize("moment", ["guard_input", "guard_output"])
@pytest.mark.parametrize(("change", "told"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_image_is_told_by_the_defenses_name(moment: str, change: Callable[[Tensor], Any], told: str) -> None:
    x = (torch.linspace(0, 0.5, 192).reshape(1, 3, 8, 8) * 255).byte()
    made, asked = guard(Changing(change)), Asked(x, b"", 0)
    with pytest.raises(RunFailed, match=f"{moment} of the defense 'a/b' {told}"):
        made.feed(IMAGES.way, asked) if moment == "guard_input" else made.leave(asked, x)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda z: z[:, 1:], r"returned torch.float32 \(1, 4\), not floats of \(1, 5\)"),
        (lambda z: z / 0, "returned latents that are not finite"),
        (lambda z: [], "returned list, not a tensor"),
    ],
    ids=["shape", "infinite", "type"],
)
def test_what_is_no_latent_is_told_by_the_defenses_name(change: Callable[[Tensor], Any], told: str) -> None:
    with pytest.raises(RunFailed, match=f"guard_latent of the defense 'a/b' {told}"):
        guard(Changing(change)).feed(DRAWS.way, Asked(torch.ones(1, 5), b"", 0))


def test_latents_may_lie_outside_the_range_of_images() -> None:
    z = torch.full((1, 5), -3.0)
    assert torch.equal(guard(Changing(lambda z: z)).feed(DRAWS.way, Asked(z, b"", 0)), z)


class Counting(Defense):
    """Shows count and chance in what leaves."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        drawn = torch.rand(y.shape, generator=history.generator)
        return drawn * 0.5 + history.answered / 100


def test_an_answer_may_take_as_many_bytes_as_float64_needs_and_a_little_beside() -> None:
    bounds: list[Bound] = []

    class Bounded(Held):
        def tell(self, order: Message, bound: Bound) -> Frame:
            bounds.append(bound)
            return super().tell(order, bound)

    made = Guard("a/b", Bounded(Changing(lambda y: y)), 7.0, 0, KEY)
    made.start(StartDefense(entry="a:B", options={}, device="cpu", threads=1))
    x = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    made.leave(Asked(x, b"q", 0), x)
    assert bounds[-1] == Bound(7.0, 8 * x.numel() + BESIDE)


def test_a_moment_that_is_not_overridden_costs_no_message() -> None:
    made = guard(Counting({}))
    asked = Asked(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), b"q", 0)
    assert made.feed(IMAGES.way, asked) is asked.x
    assert made.moments == {"guard_output"}


def test_what_it_draws_is_of_the_runs_key_and_seed_and_the_question_alone() -> None:
    x = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    left = {(seed, digest): guard(Counting({}), seed).leave(Asked(x, digest, 0), x)
            for seed in (0, 1) for digest in (b"p", b"q")}  # fmt: skip
    assert len({image.numpy().tobytes() for image in left.values()}) == 4
    assert torch.equal(guard(Counting({}), 1).leave(Asked(x, b"q", 0), x), left[1, b"q"])


def test_who_knows_the_seed_and_the_question_and_no_key_draws_nothing_of_it_again() -> None:
    def drawn(key: bytes) -> Tensor:
        made = Guard("a/b", Held(Counting({})), 60.0, 0, key)
        made.start(StartDefense(entry="a:B", options={}, device="cpu", threads=torch.get_num_threads()))
        return made.leave(Asked(x, b"q", 0), x)

    x = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    ours = drawn(KEY)
    assert torch.equal(ours, drawn(KEY))
    assert all(not torch.equal(ours, drawn(other)) for other in (b"", bytes(32), KEY[::-1]))


ORDER = GuardOne(moment="guard_output", x=torch.zeros(1, 3, 8, 8), answered=0, seed=0)


def told(answer: bytes, gone: bool, bound: Bound) -> Frame:
    """Have a process answer with these bytes."""
    ours, theirs = pair()
    try:
        theirs.end.sendall(answer)
        if gone:
            theirs.end.shutdown(socket.SHUT_WR)
        return FarDoor(ours).tell(ORDER, bound)
    finally:
        ours.close()
        theirs.close()


def test_an_answer_comes_through_the_channel() -> None:
    frame = told(encode(Guarded(made=torch.ones(2)).frame()), False, Bound(60.0))
    assert torch.equal(frame.tensors["made"], torch.ones(2))


@pytest.mark.parametrize(
    ("answer", "gone", "bound", "what"),
    [
        (b"", True, Bound(60.0), "ended early: its process has gone"),
        (b"\x10\0\0\0\0\0\0\0half", True, Bound(60.0), "ended early: its process has gone"),
        (b"", False, Bound(0.05), "had not answered after 0.05 s"),
        (b"\x10\0\0\0\0\0\0\0half", False, Bound(0.05), "had not answered after 0.05 s"),
        (struct.pack("<Q", 1 << 40), False, Bound(60.0), "sent 1099511627776 bytes, more than the 1048576"),
        (struct.pack("<Q", 8) + b"rubbish!", False, Bound(60.0), "sent something else than an answer"),
    ],
    ids=["gone", "half a frame and gone", "silent", "half a frame", "too much", "no frame"],
)
def test_a_process_that_gives_no_answer_is_told_by_what_it_did(
    answer: bytes, gone: bool, bound: Bound, what: str
) -> None:
    with pytest.raises(Silent, match=what):
        told(answer, gone, bound)


def test_a_process_that_reads_nothing_is_not_waited_for() -> None:
    ours, theirs = pair()
    order = GuardOne(moment="guard_output", x=torch.zeros(1, 3, 1024, 1024), answered=0, seed=0)
    with pytest.raises(Silent, match=r"had not answered after 0\.1 s"):
        FarDoor(ours).tell(order, Bound(0.1))
    ours.close()
    theirs.close()


class Hardening:
    """A door behind which weights become what `made` says."""

    def __init__(self, made: Callable[[Tensor], Tensor]) -> None:
        self.made = made

    def tell(self, order: Message, bound: Bound) -> Frame:
        if isinstance(order, StartDefense):
            return Defends(moments=("harden",)).frame()
        assert isinstance(order, Harden)
        return Hardened(weights=self.made(order.weights), class_path="torch.nn:Linear").frame()


@pytest.mark.parametrize("made", [lambda w: w.to(torch.int8), lambda w: w[None]], ids=["other numbers", "rows"])
def test_weights_that_come_as_something_else_than_a_row_of_bytes_are_the_defenses_fault(
    made: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    file = tmp_path / "net.safetensors"
    safetensors.torch.save_file({"gain": torch.tensor([3.0])}, file)
    hardening = Guard("broken", Hardening(made), 60.0, 0, KEY)
    hardening.start(StartDefense(entry="a:B", options={}, device="cpu", threads=1))
    with pytest.raises(RunFailed, match=r"harden of the defense 'broken' returned weights as .*, not as bytes"):
        hardening.harden(card(), opened(file), Path())


def test_an_answer_out_of_turn_is_the_defenses_fault() -> None:
    class Odd:
        def tell(self, order: object, bound: Bound) -> Frame:
            return Stop().frame()

    made = Guard("a/b", Odd(), 60.0, 0, KEY)
    made.moments = frozenset({"guard_output"})
    x = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(RunFailed, match="guard_output of the defense 'a/b' sent something else than an answer: 'stop'"):
        made.leave(Asked(x, b"", 0), x)


@pytest.mark.parametrize(
    ("attack", "isolation"), [(str(EXAMPLE), "auto"), (str(EXAMPLE), "none"), ("bicubic", "auto")],
    ids=["while it is asked", "in one process", "on the test images"],
)  # fmt: skip
def test_a_broken_defense_is_a_failed_run_with_the_reason(attack: str, isolation: str, tmp_path: Path) -> None:
    plug_in = tmp_path / "broken"
    plug_in.mkdir()
    (plug_in / "card.toml").write_text(CARD)
    (plug_in / "defense.py").write_text(CODE)
    words = ["--attack", attack, "--defense", str(plug_in), "--isolation", isolation, "--budget", "8"]
    done = CliRunner().invoke(app, ["run", "--task", "sr", *words, "--out", str(tmp_path / "runs")])
    record = read_record(next(tmp_path.glob("runs/*/record.json")))
    assert record.status == "failed"
    assert record.reason.startswith("guard_output of the defense 'a/b' returned values from ")
    assert (record.account.answered, record.incidents) == (0, ())
    assert done.exit_code == 3
    assert "guard_output of the defense 'a/b'" in " ".join(done.output.split())
    assert "Traceback" not in done.output
