"""What service and defense say to each other arrives as it was sent, and a claim is cut to size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.engine.wire import guarding
from gexbench.engine.wire.frames import BrokenFrame, Frame, decode, encode
from gexbench.engine.wire.guarding import (
    AskQuestions,
    Defends,
    DefenseFailed,
    Guarded,
    GuardOne,
    Harden,
    Hardened,
    Judge,
    Judged,
    Prepare,
    Prepared,
    Questions,
    StartDefense,
)
from gexbench.engine.wire.messages import Message, read
from gexbench.ownership import Scored

IMAGE, LATENT = torch.arange(3 * 8 * 9).reshape(1, 3, 8, 9).to(torch.uint8), torch.linspace(-2, 2, 5)[None]
HERE, OPTIONS = Path("/some where/ünter"), {"steps": 3, "lr": 3.0, "skip": True, "loss": "3", "augment": ("a", "b")}
EXAMPLES: tuple[Message, ...] = (
    Prepare(
        entry="a:B",
        code=None,
        options=OPTIONS,
        victim="a.b:C",
        net={"side": 32},
        weights=HERE,
        digest="0" * 64,
        owner=HERE,
        style=None,
        scale=4,
        assets={"vgg": HERE},
        device="cpu",
        precision="fp32",
        threads=2,
        seed=0,
        workdir=HERE,
    ),
    Prepared(content=torch.arange(9).byte()),
    StartDefense(entry="a:B", code=HERE, options=OPTIONS, device="cpu", threads=2, key="0f" * 32, prepared=HERE),
    Defends(moments=("harden", "guard_output")),
    Harden(entry="a.b:C", net={"side": 32, "deep": [1, None]}, weights=torch.arange(9).byte(), owner=HERE),
    Hardened(weights=torch.arange(9).byte(), class_path="a.b:C"),
    GuardOne(moment="guard_output", x=IMAGE, y=255 - IMAGE, answered=7, seed=2**56 - 1),
    GuardOne(moment="guard_latent", x=LATENT, answered=0, seed=0),
    Guarded(made=LATENT.double()),
    AskQuestions(asked=HERE, common=HERE),
    Questions(images=torch.arange(9).byte()),
    Judge(outputs=HERE, questions=HERE, plain=HERE),
    Judged(claim=Scored(score=1.5, p=0.25, figures={"z": -3.0})),
    DefenseFailed(reason="raised ValueError: no"),
)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.op)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    came = read(decode(encode(message.frame())[8:]), type(message))
    assert type(came) is type(message)
    for name, value in message:
        got = getattr(came, name)
        assert torch.equal(value, got) and value.dtype == got.dtype if isinstance(value, Tensor) else value == got


def all_messages() -> Iterator[type[Message]]:
    kinds = (kind for kind in vars(guarding).values() if isinstance(kind, type) and issubclass(kind, Message))
    return (kind for kind in kinds if kind is not Message)


def test_every_message_has_an_example_here() -> None:
    assert set(all_messages()) == {type(message) for message in EXAMPLES}


def test_what_a_defense_claims_is_cut_to_size() -> None:
    defends = read(Frame("defends", {"moments": ["m" * 1000] * 1000}), Defends)
    assert [len(name) for name in defends.moments] == [60] * 8
    assert len(read(Frame("defense-failed", {"reason": "no" * 10000}), DefenseFailed).reason) == 600


@pytest.mark.parametrize(
    "frame",
    [
        Frame("guarded"),
        Frame("guarded", {"made": 3}),
        Frame("guarded", {}, {"made": LATENT, "more": LATENT}),
        Frame("defends", {"moments": 3}),
        Frame("judged", {"claim": {"score": "inf"}}),
        Frame("judged", {"claim": {"score": 1.0, "p": -0.1}}),
        Frame("judged", {"claim": {"score": 1.0, "figures": {"a\nb": 1.0}}}),
        Frame("judged", {"claim": {"score": 1.0, "figures": {f"f{i}": 1.0 for i in range(17)}}}),
        Frame("questions", {"images": [1]}),
    ],
    ids=["nothing", "no tensor", "too much", "no names", "endless", "no p", "odd name", "many figures", "no images"],
)
def test_what_is_malformed_is_no_message(frame: Frame) -> None:
    with pytest.raises(BrokenFrame, match="is malformed"):
        read(frame, Guarded, Defends, Judged, Questions)
