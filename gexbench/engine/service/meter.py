"""The meter of a service: count, write the ledger, then answer."""

from __future__ import annotations

import torch
from torch import Tensor

from gexbench.engine.kinds.endpoint import Batch, Endpoint
from gexbench.engine.service.ledger import Answered, Ledger
from gexbench.engine.wire.messages import Answer, Query, Refused, Sample
from gexbench.engine.wire.questions import check_answer
from gexbench.errors import BudgetError, QueryError

MOST_COUNTED = 1 << 20
"""Images of one refused request that are counted; who asks for more has said enough."""


class Meter:
    """Let questions through to an endpoint, as many as the ledger's budget allows."""

    def __init__(self, endpoint: Endpoint, ledger: Ledger) -> None:
        self.endpoint, self.ledger = endpoint, ledger
        self.budget = ledger.budget
        self._open = True
        self._seen: set[bytes] = set()
        self._asked = 0

    @property
    def remaining(self) -> int:
        """Return what is left of the budget as this session sees it.

        A question that an earlier, killed session paid for counts when it is asked again, so that an attack that starts
        over meets the same numbers; the ledger alone decides what is refused.
        """
        return self.budget - len(self._seen)

    def close(self) -> None:
        """Refuse every question from now on."""
        self._open = False

    def ask(self, question: Query | Sample) -> Answer | Refused:
        """Answer a question, or refuse it whole, and then nothing is charged."""
        try:
            if not self._open:
                raise QueryError("the oracle has closed: the attack has ended", "ask inside extract()")
            batch = self.endpoint.batch(question, self._asked)
            check_answer(len(batch.digests), batch.shape)
            answers = self._paid(batch)
        except QueryError as error:
            self.ledger.refuse(_images(question), str(error))
            over = isinstance(error, BudgetError)
            return Refused(over=over, message=str(error), hint=error.hint, remaining=self.remaining)
        self._asked += len(batch.digests)
        return Answer(y=answers, remaining=self.remaining, **batch.beside)

    def _paid(self, batch: Batch) -> Tensor:
        """Return answers (N,*shape) uint8, known ones from the ledger, others paid for; raises BudgetError."""
        digests = batch.digests
        known = self.ledger.answers(digests)
        fresh = {digest: i for i, digest in reversed(list(enumerate(digests))) if digest not in known}
        new = sorted(fresh.values())
        if new and self.ledger.was_shut:
            raise QueryError(
                "the oracle of this run was shut for good when its evidence began; old questions alone are answered",
                "start the run in another folder, with --out",
            )
        left = min(self.budget - self.ledger.spent, self.remaining)
        if len(new) > left:
            raise BudgetError(
                f"a batch with {len(new)} new questions goes over the budget: {left} of {self.budget} left",
                "ask a smaller batch; this one cost nothing",
            )
        answers = batch.answer(new, self.ledger.spent) if new else ()
        paid = [_answered(batch, i, answer) for i, answer in zip(new, answers, strict=True)]
        self.ledger.pay(paid, replayed=len(digests) - len(new))
        known.update({question.digest: question.answer for question in paid})
        self._seen.update(digests)
        pixels = bytearray().join(known[digest] for digest in digests)
        return torch.frombuffer(pixels, dtype=torch.uint8).reshape(len(digests), *batch.shape)


def _answered(batch: Batch, place: int, answer: Tensor) -> Answered:
    pixels = answer.numpy().tobytes()
    if batch.images is None:
        return Answered(batch.digests[place], pixels)
    image = batch.images[place]
    return Answered(batch.digests[place], pixels, image.numpy().tobytes(), image.shape[-2])


def _images(question: Query | Sample) -> int:
    """Return how many images a question is about, 0 where it does not say."""
    if isinstance(question, Query):
        return len(question.x) if question.x.shape else 0
    return min(question.n, MOST_COUNTED) if type(question.n) is int and question.n > 0 else 0
