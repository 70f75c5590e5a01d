"""The protocol: every message between the processes of a run, who sends it, when, and what answers it.

    bench → service      OpenService → Ready; nothing else before it
                         CloseOracle → Closed; the oracle refuses every question from the first one on
                         AnswerUnmetered, DrawUnmetered or ShowQueried → Unmetered
                         Settle → Settled; where the victim is behind an address
                         Stop ends it
    service → bench      Asked, Incident at any time; Broken in place of any answer, and it answers no question after it
    attacker → service   Query or Sample → Answer or Refused
    service → defense    wire/guarding.py
    bench → attacker     StartAttack → Progress any number of times, then Extracted; once, first
                         Save → Saved; once, after Extracted
                         Stop ends it
    attacker → bench     Ready when it can take an attack; Failed in place of any answer, and then it ends
    bench → surrogate    StartSurrogate → Built; once, first
                         Infer → Inferred; any number of times, after Built
                         Stop ends it
    surrogate → bench    Ready when it can take an order; Failed in place of any answer, and then it ends
    bench → inspector    wire/inspecting.py

What an attacker, a surrogate or an inspector sends is a claim: its texts are cut to size here, and a message
that is malformed or out of turn ends the run. Every frame carries the protocol's number (wire/frames.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, overload

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from torch import Tensor

from gexbench.cards.fields import OptionValue, TaskKindName
from gexbench.engine.wire.frames import BrokenFrame, Channel, Frame, Wait
from gexbench.engine.wire.questions import LONGEST_LATENT
from gexbench.plan import Plan
from gexbench.record import Account, Bill


class Message(BaseModel):
    """One message; `op` is its name on the wire, its tensors travel as tensors and all else as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    op: ClassVar[str]

    def frame(self) -> Frame:
        """Return the message as a frame."""
        tensors = {name: value for name, value in self if isinstance(value, Tensor)}
        return Frame(self.op, self.model_dump(mode="json", exclude=set(tensors)), tensors)


M = TypeVar("M", bound=Message)
N = TypeVar("N", bound=Message)


def send(channel: Channel, message: Message, wait: Wait | None = None) -> None:
    """Send a message; raises BrokenFrame when the other side is gone, and what `wait` raises."""
    channel.send(message.frame(), wait)


@overload
def receive(channel: Channel, kind: type[M], other: type[N], /, *, wait: Wait | None = None) -> M | N | None: ...
@overload
def receive(channel: Channel, *kinds: type[M], wait: Wait | None = None) -> M | None: ...
def receive(channel: Channel, *kinds: type[Message], wait: Wait | None = None) -> Message | None:
    """Return the next message, None when the other side has closed; raises BrokenFrame, also for one out of turn.

    wait: see `Channel.receive`; None for whom trusts the other side.
    """
    frame = channel.receive(wait)
    return None if frame is None else read(frame, *kinds)


@overload
def read(frame: Frame, kind: type[M], other: type[N], /) -> M | N: ...
@overload
def read(frame: Frame, *kinds: type[M]) -> M: ...
def read(frame: Frame, *kinds: type[Message]) -> Message:
    """Return the message in a frame, one of `kinds`; raises BrokenFrame naming what came and what was due."""
    for kind in kinds:
        if kind.op == frame.op:
            try:
                return kind.model_validate({**frame.values, **frame.tensors})
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                place = ascii(".".join(map(str, first["loc"])))[1:-1] or "all of it"
                raise BrokenFrame(f"{frame.op!r} is malformed: {place}: {first['msg']}"[:300]) from None
    raise BrokenFrame(f"{frame.op[:40]!r} where {' or '.join(repr(kind.op) for kind in kinds)} was due")


def _text(value: object, length: int) -> str:
    """Return a text that every file can hold: of file names that are no UTF-8, and of worse, the code points."""
    return str(value).encode("utf-8", "backslashreplace").decode()[:length]


def _cut(length: int) -> BeforeValidator:
    return BeforeValidator(lambda value: _text(value, length))


def _incidents(value: object) -> tuple[str, ...]:
    return tuple(_text(text, 300) for text in value[:50]) if isinstance(value, list | tuple) else ()


def _report(value: object) -> dict[str, float | int | str]:
    pairs = list(value.items())[:32] if isinstance(value, Mapping) else []
    return {
        _text(key, 60): _text(kept, 200) if isinstance(kept, str) else kept
        for key, kept in pairs
        if isinstance(kept, int | float | str)
    }


def _latent_size(value: object) -> int | None:
    return value if type(value) is int and 1 <= value <= LONGEST_LATENT else None


def _count(value: object) -> object:
    return max(0, min(value, MOST_COUNTED)) if type(value) is int else value


MOST_COUNTED = 1 << 53
Count = Annotated[int, BeforeValidator(_count)]
Name = Annotated[str, _cut(60)]
Line = Annotated[str, _cut(200)]
Text = Annotated[str, _cut(600)]
Incidents = Annotated[tuple[str, ...], BeforeValidator(_incidents)]
Report = Annotated[dict[str, float | int | str], BeforeValidator(_report)]
LatentSize = Annotated[int | None, BeforeValidator(_latent_size)]


class Ready(Message):
    """The process has started and can work."""

    op = "ready"


class Stop(Message):
    """End now."""

    op = "stop"


class OpenService(Message):
    """What a service is opened with.

    weights: the victim's file. victim_code: the folder of a foreign network's class. sizes: height and width of what a
    foreign one will be asked. ledger: where the account is kept. defense_code: the folder of a plug-in defense, None
    for one of an installed package. owner: stored images of the owner, where the defense hardens. tests: stored test
    inputs, where there is a defense. key: the run's for it, secret: what it is not told, both in hex. prepared: the
    file of what it prepared, if any. patience: seconds for one answer of the defense. headers: of a victim behind an
    address, with their values. authorities: the file of whom TLS trusts. device: where nets run. threads:
    of this process.
    """

    op = "open"
    plan: Plan
    weights: Path
    victim_code: Path | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    ledger: Path
    defense_code: Path | None = None
    owner: Path | None = None
    tests: Path | None = None
    key: str = ""
    secret: str = ""
    prepared: Path | None = None
    patience: float = 60.0
    headers: dict[str, str] = Field(default={}, repr=False)
    authorities: Path | None = None
    device: str
    threads: int


class CloseOracle(Message):
    """Answer no question from now on; for_evidence: and nothing new in any later session, for tests come next."""

    op = "close"
    for_evidence: bool = False


class Closed(Message):
    """The oracle is closed, and what the ledger says is final.

    delay: seconds that an answer of this session waited for the defense, mean; None without one.
    """

    op = "closed"
    account: Account
    delay: float | None = None


class Settle(Message):
    """Say what the victim was paid, and, if it is to be watched, whether it answers as it did at the start."""

    op = "settle"
    watch: bool


class Settled(Message):
    """What the victim was paid, over all sessions; changed: in which way it answers otherwise, "" for none."""

    op = "settled"
    bill: Bill
    changed: Text = ""


class AnswerUnmetered(Message):
    """Answer test inputs (N,3,h,w) uint8."""

    op = "answer-unmetered"
    x: Tensor


class DrawUnmetered(Message):
    """Draw `n` images for the test, number `first` and on; none of them is ever drawn for a client."""

    op = "draw-unmetered"
    first: int
    n: int


class ShowQueried(Message):
    """Show what left for one of the client's questions that were kept, by its place among them, and the plain answer.

    Beyond the last one, and where there is no defense, the answer holds no image.
    """

    op = "show-queried"
    place: int


class Unmetered(Message):
    """Unmetered answers (N,3,H,W) uint8: `plain`, and `guarded` under a defense."""

    op = "unmetered"
    plain: Tensor
    guarded: Tensor | None = None


class Asked(Message):
    """Questions were answered; spent: of the budget, as this session counts."""

    op = "asked"
    spent: int


class Incident(Message):
    """Something happened that the record must name."""

    op = "incident"
    text: Text


class Broken(Message):
    """The service cannot go on; kind: the class of gexbench.errors that it raised."""

    op = "broken"
    kind: str
    message: str
    hint: str


class Query(Message):
    """Ask about `x`: what the task's kind takes, such as images (N,3,h,w) uint8."""

    op = "query"
    x: Tensor


class Sample(Message):
    """Have `n` images drawn."""

    op = "sample"
    n: Any


class Answer(Message):
    """Images (N,3,H,W) uint8, with the latents (N,d) they were drawn from where the task grants them."""

    op = "answer"
    y: Tensor
    z: Tensor | None = None
    remaining: int


class Refused(Message):
    """The question was refused and nothing was charged; over: it would have gone over the budget."""

    op = "refused"
    over: bool
    message: str
    hint: str
    remaining: int


class Leak(Message):
    """A part of the victim that an attacker holds: the victim's entry and net, the part's name ("": all), its file."""

    op = "leak"
    entry: str
    net: dict[str, Any]
    part: str
    file: Path


class StartAttack(Message):
    """The attack and its brief; see core.attack.Brief. Images lie in files that the attack's process may read.

    code: the folder of a plug-in's modules, None for an installed package. options: those of its card; adaptive: the
    others that are set, see core.adapt. private: what the attack may not read; writable: all it may write. Both are for
    naming attempts: what enforces them is the sandbox.
    """

    op = "start"
    kind: TaskKindName
    entry: str
    code: Path | None
    pool: Path
    truth: Path | None = None
    real: Path | None = None
    discriminator: Leak | None = None
    victim: Leak | None = None
    scale: int
    side: int | None
    budget: int
    knowledge: tuple[str, ...]
    device: str
    precision: str
    threads: int
    seed: int
    deadline: float
    options: dict[str, OptionValue]
    adaptive: dict[str, OptionValue] = {}
    workdir: Path
    private: tuple[Path, ...]
    writable: tuple[Path, ...]


class Progress(Message):
    """How far the attack says it is."""

    op = "progress"
    what: Name
    done: Count
    total: Count


class Extracted(Message):
    """The attack has returned a surrogate."""

    op = "extracted"
    incidents: Incidents = ()
    report: Report = Field(default_factory=dict)


class Save(Message):
    """Save the surrogate in this folder."""

    op = "save"
    folder: Path


class Saved(Message):
    """What the surrogate is built anew from is saved; answer: to `TaskKind.probe`, None where it gave none."""

    op = "saved"
    answer: Tensor | None = None
    incidents: Incidents = ()


class StartSurrogate(Message):
    """What a surrogate is built anew from, and where it answers.

    folder: of what was kept of it. All else as in StartAttack.
    """

    op = "start-surrogate"
    kind: TaskKindName
    folder: Path
    code: Path | None
    scale: int
    side: int | None
    device: str
    threads: int
    seed: int
    private: tuple[Path, ...]
    writable: tuple[Path, ...]


class Built(Message):
    """The surrogate was built anew; latent_size: what it says it takes, if anything."""

    op = "built"
    latent_size: LatentSize = None
    incidents: Incidents = ()


class Infer(Message):
    """Ask the surrogate about `x`: what the task's kind gives a surrogate."""

    op = "infer"
    x: Tensor


class Inferred(Message):
    """The surrogate's raw output."""

    op = "inferred"
    y: Tensor
    incidents: Incidents = ()


class Failed(Message):
    """The attack, or the surrogate, did what ended it; reason: as the end of a sentence that names it first."""

    op = "failed"
    reason: Text
    incidents: Incidents = ()
