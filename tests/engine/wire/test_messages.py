"""Messages: every one arrives as it was sent, and whatever else arrives is one clear line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gexbench.engine.wire import messages
from gexbench.engine.wire.frames import BrokenFrame, Frame, decode, encode, pair
from gexbench.engine.wire.inspecting import Inspect
from gexbench.engine.wire.messages import (
    Answer,
    AnswerUnmetered,
    Asked,
    Broken,
    Built,
    Closed,
    CloseOracle,
    DrawUnmetered,
    Extracted,
    Failed,
    Incident,
    Infer,
    Inferred,
    Leak,
    Message,
    Progress,
    Query,
    Ready,
    Refused,
    Sample,
    Save,
    Saved,
    Settle,
    Settled,
    ShowQueried,
    StartAttack,
    Stop,
    Unmetered,
    read,
    receive,
    send,
)
from gexbench.engine.wire.questions import LONGEST_LATENT
from gexbench.record import Account, Bill

from ..toy_orders import open_service, plan, start_attack, start_surrogate

HERE = Path("/some where/ünter")
IMAGES = torch.arange(2 * 3 * 8 * 9).reshape(2, 3, 8, 9).to(torch.uint8)
LATENTS = torch.linspace(-2, 2, 10).reshape(2, 5)
OPTIONS = {"steps": 3, "lr": 3.0, "far": float("inf"), "skip": True, "loss": "3", "augment": ("a", "b"), "no": ()}
LEAK = Leak(entry="a.b:C", net={"side": 32, "inner": {"deep": [1, 2.5, None, "x"]}}, part="discriminator", file=HERE)
INSPECT = Inspect(role="attack", kind="sampling", entry="a:B", code=None, options=OPTIONS, scale=4)
EXAMPLES: tuple[Message, ...] = (
    Ready(),
    Stop(),
    open_service(HERE, plan=plan(defense="jpeg"), owner=HERE, tests=HERE, defense_code=HERE, patience=5.0),
    ShowQueried(place=3),
    Settle(watch=True),
    Settled(bill=Bill(calls=3, watched=2, tries=4, price=0.5, paid_usd=1.5), changed="answers otherwise"),
    open_service(HERE, plan=plan().model_copy(update={"options": OPTIONS, "deadline": float("inf")})),
    CloseOracle(),
    Closed(account=Account(budget=9, asked=6, answered=3, replayed=2, refused=1, sessions=2)),
    AnswerUnmetered(x=IMAGES),
    DrawUnmetered(first=64, n=36),
    Unmetered(plain=IMAGES),
    Unmetered(plain=IMAGES, guarded=255 - IMAGES),
    Asked(spent=5),
    Incident(text="something\nhappened"),
    Broken(kind="RunFailed", message="the defense 'a/b' raised", hint="correct it"),
    Query(x=IMAGES.permute(0, 1, 3, 2)),
    Query(x=torch.arange(3)),
    Sample(n=7),
    Sample(n=[2.5, "many"]),
    Answer(y=IMAGES, remaining=3),
    Answer(y=IMAGES, z=LATENTS, remaining=0),
    Refused(over=True, message="no", hint="ask less", remaining=2),
    LEAK,
    start_attack(HERE, code=HERE, truth=HERE, real=HERE, discriminator=LEAK, victim=LEAK, side=32, options=OPTIONS),
    start_attack(HERE, kind="sampling", knowledge=()),
    Progress(what="training", done=3, total=10),
    Extracted(),
    Extracted(incidents=("a", "b"), report={"z": 0.5, "kept": 3, "how": "well"}),
    Built(),
    Built(latent_size=128, incidents=("tried",)),
    start_surrogate(HERE, code=HERE),
    Infer(x=LATENTS),
    Inferred(y=LATENTS.half()),
    Inferred(y=LATENTS, incidents=("tried",)),
    Save(folder=HERE),
    Saved(incidents=("tried",)),
    Failed(reason="ValueError: no", incidents=("tried",)),
)


def travelled(message: Message) -> Message:
    """Return what arrives when a message is sent."""
    return read(decode(encode(message.frame())[8:]), type(message))


def same(sent: Any, came: Any) -> bool:
    """Say whether two values are equal and of the same types, all the way down."""
    if isinstance(sent, Tensor):
        return bool(sent.dtype == came.dtype and torch.equal(sent, came))
    if isinstance(sent, dict):
        return list(sent) == list(came) and all(same(sent[key], came[key]) for key in sent)
    return type(sent) is type(came) and bool(sent == came)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.op)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    came = travelled(message)
    assert type(came) is type(message)
    assert [name for name, value in message if not same(value, getattr(came, name))] == []


def all_messages() -> Iterator[type[Message]]:
    return (kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, Message))


def test_every_message_has_an_example_here_and_an_op_of_its_own() -> None:
    kinds = set(all_messages()) - {Message}
    assert kinds == {type(message) for message in EXAMPLES}
    assert {op: count for op, count in Counter(kind.op for kind in kinds).items() if count > 1} == {}


@pytest.mark.parametrize("message", [start_attack(HERE, options=OPTIONS), INSPECT], ids=lambda m: m.op)
def test_options_keep_their_types(message: Message) -> None:
    came = travelled(message)
    assert isinstance(came, StartAttack | Inspect)
    assert [type(value) for value in came.options.values()] == [int, float, float, bool, str, tuple, tuple]


def test_a_plan_arrives_with_its_id() -> None:
    (first, _) = (message for message in EXAMPLES if isinstance(message, messages.OpenService))
    came = travelled(first)
    assert isinstance(came, messages.OpenService)
    assert came.plan.id == first.plan.id


def refusal(frame: Frame, *due: type[Message]) -> str:
    """Return in what words a frame is refused, which must be one line."""
    with pytest.raises(BrokenFrame) as refused:
        read(frame, *due)
    assert len(str(refused.value)) <= 300
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()
    return str(refused.value)


@pytest.mark.parametrize("op", ["burn", "answer", "inferred", ""])
def test_a_message_out_of_turn_or_unknown_is_named_with_what_was_due(op: str) -> None:
    assert refusal(Frame(op), Query, Sample) == f"{op!r} where 'query' or 'sample' was due"


def test_the_name_of_an_unknown_message_is_cut_and_harmless() -> None:
    told = refusal(Frame("\x1b[2J\n\ud800" + "x" * 500), Ready)
    assert re.fullmatch(r"'\\x1b\[2J\\n\\ud800x+' where 'ready' was due", told)
    assert len(told) < 80


MALFORMED: dict[str, tuple[Frame, type[Message], str]] = {
    "type": (Frame("progress", {"what": "x", "done": "some", "total": 2}), Progress, "done: Input should be a valid "),
    "missing": (Frame("closed", {}), Closed, "account: Field required"),
    "deep": (Frame("closed", {"account": {"budget": "many"}}), Closed, "account.budget: Input should be a valid int"),
    "no tensor": (Frame("query", {"x": [1, 2]}), Query, "x: Input should be an instance of Tensor"),
    "tensor": (Frame("asked", {}, {"spent": torch.zeros(2)}), Asked, "spent: "),
    "kind": (
        Frame("inspect", {**INSPECT.frame().values, "kind": "baking"}),
        Inspect,
        "kind: Input should be 'image-to-image' or 'sampling'",
    ),
    "extra": (Frame("ready", {"more": 1}), Ready, "more: Extra inputs are not permitted"),
    "extra tensor": (Frame("query", {}, {"x": IMAGES, "z": LATENTS}), Query, "z: Extra inputs are not permitted"),
    "strange name": (Frame("ready", {"\x1b[2J\n": 1}), Ready, "\\x1b[2J\\n: Extra inputs are not permitted"),
    "no text": (Frame("ready", {"\ud800": 1}), Ready, "all of it: "),
}


@pytest.mark.parametrize(("frame", "due", "told"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_message_is_refused_by_the_name_of_its_field(frame: Frame, due: type[Message], told: str) -> None:
    assert refusal(frame, due).startswith(f"{frame.op!r} is malformed: {told}")


def claimed(op: str, due: type[messages.M], **values: object) -> messages.M:
    """Return what is left of a claim when it arrives."""
    return read(decode(encode(Frame(op, values))[8:]), due)


def test_what_an_attack_says_is_cut_to_size() -> None:
    assert claimed("progress", Progress, what="x" * 90, done=1, total=2).what == "x" * 60
    failed = claimed("failed", Failed, reason="x" * 900, incidents=[f"{i} " + "x" * 900 for i in range(90)])
    assert failed.reason == "x" * 600
    assert [len(text) for text in failed.incidents] == [300] * 50
    assert failed.incidents[49].startswith("49 ")


def test_a_report_is_cut_to_size_and_holds_numbers_and_words_alone() -> None:
    told = {"list": [1], "none": None, "x" * 90: "y" * 900} | {f"n{i}": i for i in range(90)}
    report = claimed("extracted", Extracted, report=told).report
    assert len(report) == 30  # of the first 32, less the two that are neither
    assert report["x" * 60] == "y" * 200
    assert report["n28"] == 28
    assert claimed("extracted", Extracted, report=[1, 2], incidents="one").report == {}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (1, 1), (LONGEST_LATENT, LONGEST_LATENT), (0, None), (-3, None), (LONGEST_LATENT + 1, None),
        (True, None), (64.0, None), ("64", None), (None, None), ([64], None),
    ],
)  # fmt: skip
def test_a_latent_size_that_is_none_counts_as_not_said(said: object, kept: int | None) -> None:
    assert claimed("built", Built, latent_size=said).latent_size == kept


def test_what_no_file_can_hold_is_spelled_out() -> None:
    failed = claimed("failed", Failed, reason="open b'\udcff'", incidents=["tried to read /\udcff"])
    assert (failed.reason, failed.incidents) == ("open b'\\udcff'", ("tried to read /\\udcff",))
    report = claimed("extracted", Extracted, report={"\ud800": "\ud800"}).report
    assert report == {"\\ud800": "\\ud800"}


def test_messages_come_one_by_one_until_the_other_side_closes() -> None:
    ours, theirs = pair()
    send(ours, Progress(what="training", done=1, total=2))
    send(ours, Extracted())
    ours.close()
    came = [receive(theirs, Extracted, Progress) for _ in range(3)]
    theirs.close()
    assert came == [Progress(what="training", done=1, total=2), Extracted(), None]


@pytest.mark.parametrize(("said", "kept"), [(10**4000, 1 << 53), (-3, 0), (7, 7)])
def test_how_far_an_attack_says_it_is_is_a_number_that_can_be_shown(said: int, kept: int) -> None:
    assert read(Progress(what="x", done=0, total=said).frame(), Progress).total == kept


def test_a_defense_has_a_minute_for_an_answer() -> None:
    assert open_service(HERE).patience == 60
