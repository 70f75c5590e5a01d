"""The oracle as an attack sees it: one question at a time, in the process it was given to."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from gexbench.core.images import from_uint8, round_8bit
from gexbench.engine.attacker.oracle import MeteredOracle, over
from gexbench.engine.kinds.image_to_image import KIND
from gexbench.engine.wire.frames import Channel, Frame, pair
from gexbench.engine.wire.messages import Answer, Query, Ready, Refused, Sample, read, send
from gexbench.errors import BudgetError, QueryError

Reply = Callable[[Query | Sample], Answer | Refused]


def negative(question: Query | Sample) -> Answer:
    assert isinstance(question, Query)
    return Answer(y=255 - question.x, remaining=5)


def never(question: Query | Sample) -> Answer:
    raise AssertionError("this was asked")


def grey(level: int, count: int = 1) -> Tensor:
    return from_uint8(torch.full((count, 3, 8, 8), level, dtype=torch.uint8))


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_images_leave_and_come_as_8_bit_images() -> None:
    x = torch.rand(2, 3, 8, 9, generator=torch.Generator().manual_seed(0)).requires_grad_()
    answer = MeteredOracle(KIND, 10, negative).query(x)
    assert (answer.dtype, answer.requires_grad) == (torch.float32, False)
    assert torch.equal(answer, round_8bit(1 - round_8bit(x.detach())))


def test_what_is_no_question_is_refused_before_it_leaves() -> None:
    oracle = MeteredOracle(KIND, 10, never)
    for wrong in (grey(3)[0], grey(3) + 2, "picture"):
        with pytest.raises(QueryError):
            oracle.query(wrong)  # type: ignore[arg-type]
    assert oracle.remaining == 10


def test_what_was_drawn_comes_with_its_latents_where_they_are_told() -> None:
    drawn = torch.arange(192, dtype=torch.uint8).reshape(1, 3, 8, 8)
    told = MeteredOracle(KIND, 10, lambda question: Answer(y=drawn, z=torch.ones(1, 4), remaining=9)).sample(1)
    assert torch.equal(told.images, from_uint8(drawn))
    assert told.latents is not None
    assert torch.equal(told.latents, torch.ones(1, 4))
    assert MeteredOracle(KIND, 10, lambda question: Answer(y=drawn, remaining=9)).sample(1).latents is None


def test_remaining_is_kept_from_answers_and_refusals() -> None:
    replies: list[Answer | Refused] = [
        Answer(y=torch.zeros(1, 3, 8, 8, dtype=torch.uint8), remaining=7),
        Refused(over=False, message="of another side", hint="resize", remaining=6),
        Refused(over=True, message="over", hint="ask less", remaining=4),
    ]
    oracle = MeteredOracle(KIND, 10, lambda question: replies.pop(0))
    oracle.query(grey(0))
    assert (oracle.budget, oracle.remaining) == (10, 7)
    with pytest.raises(QueryError, match="of another side") as refused:
        oracle.query(grey(0))
    assert (type(refused.value), refused.value.hint, oracle.remaining) == (QueryError, "resize", 6)
    with pytest.raises(BudgetError, match="over") as beyond:
        oracle.query(grey(0))
    assert (beyond.value.hint, oracle.remaining) == ("ask less", 4)


def test_a_forked_child_is_refused_and_its_parent_is_not() -> None:
    oracle = MeteredOracle(KIND, 10, lambda question: Answer(y=torch.zeros(1, 3, 8, 8).byte(), remaining=9))
    child = os.fork()
    if child == 0:
        try:
            oracle.sample(1)
            os._exit(0)
        except QueryError as error:
            os._exit(7 if "belongs to the process it was given to" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert oracle.sample(1).images.shape == (1, 3, 8, 8)


def test_threads_share_it_and_each_gets_its_own_answer(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    waiting: list[int] = []

    def serve() -> None:
        while (frame := theirs.receive()) is not None:
            time.sleep(0.001)  # what another thread would send in between lies there by now
            waiting.append(len(select.select([theirs], [], [], 0)[0]))
            send(theirs, negative(read(frame, Query)))

    service = threading.Thread(target=serve)
    service.start()
    oracle = MeteredOracle(KIND, 100, over(ours))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda level: oracle.query(grey(level)), range(40)))
    ours.end.shutdown(socket.SHUT_WR)
    service.join()
    assert all(torch.equal(answer, grey(255 - level)) for level, answer in enumerate(answers))
    assert waiting == [0] * 40


def test_questions_travel_and_answers_come_back(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    send(theirs, Refused(over=True, message="no", hint="less", remaining=2))
    assert over(ours)(Sample(n=3)) == Refused(over=True, message="no", hint="less", remaining=2)
    frame = theirs.receive()
    assert frame is not None
    assert read(frame, Query, Sample) == Sample(n=3)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (None, "the oracle has closed: the attack has ended"),
        (Ready().frame(), "the oracle has gone: 'ready' where 'answer' or 'refused' was due"),
        (Frame("answer", {"remaining": 1}), "the oracle has gone: 'answer' is malformed: y: Field required"),
    ],
    ids=["closed", "out of turn", "malformed"],
)
def test_a_service_that_answers_no_more_is_a_query_error(
    ends: tuple[Channel, Channel], last: Frame | None, told: str
) -> None:
    ours, theirs = ends
    if last is not None:
        theirs.send(last)
    theirs.end.shutdown(socket.SHUT_WR)  # it still takes what it is sent
    with pytest.raises(QueryError) as refused:
        over(ours)(Sample(n=3))
    assert str(refused.value) == told


def test_a_service_that_is_gone_is_a_query_error(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(QueryError, match="the oracle has gone: the other side is gone"):
        over(ours)(Sample(n=3))
