"""What bench and inspector say to each other arrives as it was sent, and a claim is cut to size."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.wire.frames import Frame, decode, encode
from gexbench.engine.wire.inspecting import Claim, Ended, Inspect
from gexbench.engine.wire.messages import Message, read

ORDER = {"role": "attack", "kind": "sampling", "entry": "a:B", "options": {"steps": 3}, "scale": 4}


@pytest.mark.parametrize(
    "message",
    [
        Inspect(**ORDER, code=None),
        Inspect(**ORDER, code=Path("/some where/ünter")),
        Claim(what="imports", right=False, detail="cannot import"),
        Ended(),
    ],
    ids=lambda message: message.op,
)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    assert read(decode(encode(message.frame())[8:]), type(message)) == message


def test_an_inspector_prepares_a_defense_only_where_it_is_told_to() -> None:
    order = Inspect(**ORDER, code=None)
    assert (order.prepares, order.prepared) == (False, None)


def test_what_an_inspector_claims_is_cut_to_size() -> None:
    claim = read(Frame("claim", {"what": "x" * 90, "right": True, "detail": "y" * 900}), Claim)
    assert (claim.what, claim.detail) == ("x" * 60, "y" * 600)
