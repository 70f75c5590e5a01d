"""The desk of a service: victim, defense and ledger behind one counter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.oracle import Samples
from gexbench.engine.kinds.guard import Asked, guarded
from gexbench.engine.kinds.sampling import SamplingDesk, sample_digest
from gexbench.engine.service.ledger import Ledger, Question, question_digest
from gexbench.errors import BudgetError, QueryError

SMALLEST, LARGEST = 8, 4096
PIXELS_AT_ONCE = 1 << 18
BYTES_AT_ONCE = 1 << 28


@dataclass(frozen=True)
class Desk:
    """Answer questions with a victim, guarded by a defense; nothing is counted here.

    seed makes what a defense draws depend on the run and the question alone. side: the only side of images the service
    takes, None for any.
    """

    victim: nn.Module
    defense: Defense
    device: torch.device
    scale: int
    seed: int
    side: int | None = None

    def plain(self, x: Tensor) -> Tensor:
        """Return undefended answers: x (N,3,h,w) uint8 to (N,3,s*h,s*w) uint8."""
        return torch.cat([self._run(part) for part in x.split(self._at_once(x))])

    def guarded(self, x: Tensor, digests: list[bytes], answered: int) -> Tensor:
        """Return what leaves: x (N,3,h,w) uint8 to (N,3,s*h,s*w) uint8, each image guarded on its own."""
        if type(self.defense) is Defense:
            return self.plain(x)
        asked = Asked(digests, answered, self.seed)
        return guarded(self.defense, asked, from_uint8(x), lambda fed: self.plain(to_uint8(fed)))

    def _run(self, part: Tensor) -> Tensor:
        with torch.inference_mode():
            answer: Tensor = self.victim(from_uint8(part).to(self.device)).float().cpu()
        return to_uint8(answer.clamp(0, 1))

    def _at_once(self, x: Tensor) -> int:
        return max(1, PIXELS_AT_ONCE // (x.shape[-1] * x.shape[-2]))


class Meter:
    """The oracle as the service sees it: count, write the ledger, then answer. Implements core.oracle.Oracle.

    `window` is called with every batch that leaves, for progress.
    """

    def __init__(self, desk: Desk | SamplingDesk, ledger: Ledger, window: Callable[[int], None] | None = None) -> None:
        self.desk, self.ledger = desk, ledger
        self.budget = ledger.budget
        self._window = window
        self._open = True
        self._seen: set[bytes] = set()
        self._drawn = 0

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

    def query(self, x: Tensor) -> Tensor:
        """Answer a batch; see core.oracle.Oracle.query."""
        return from_uint8(self.query_uint8(to_uint8(checked(x))))

    def query_uint8(self, x: Tensor) -> Tensor:
        """Answer a batch of 8-bit images (N,3,h,w); raises QueryError or BudgetError, and then nothing is charged."""
        try:
            return self._answer(x)
        except QueryError as error:
            self.ledger.refuse(int(x.shape[0]) if x.ndim else 0, str(error))
            raise

    def sample(self, n: int) -> Samples:
        """Draw images; see core.oracle.Oracle.sample."""
        images, latents = self.sample_uint8(n)
        return Samples(from_uint8(images), latents)

    def sample_uint8(self, n: int) -> tuple[Tensor, Tensor | None]:
        """Draw n 8-bit images (n,3,side,side), with their latents where they are shown; raises like query_uint8."""
        try:
            return self._draw(n)
        except QueryError as error:
            self.ledger.refuse(n if type(n) is int and n > 0 else 0, str(error))
            raise

    def _answer(self, x: Tensor) -> Tensor:
        self._check_open()
        desk = self.desk
        if isinstance(desk, SamplingDesk):
            raise QueryError("this service draws images and takes none", "ask with oracle.sample(n)")
        check_question(x, desk.side)
        digests = [question_digest(image.shape, image.numpy().tobytes()) for image in x]
        shape = (3, x.shape[2] * desk.scale, x.shape[3] * desk.scale)
        return self._sold(
            digests, shape, lambda order, spent: desk.guarded(x[order], [digests[i] for i in order], spent)
        )

    def _draw(self, n: int) -> tuple[Tensor, Tensor | None]:
        self._check_open()
        desk = self.desk
        if not isinstance(desk, SamplingDesk):
            raise QueryError("this service takes images and draws none of its own", "ask with oracle.query(images)")
        check_count(n, desk.side)
        numbers = range(self._drawn, self._drawn + n)
        latents = desk.latents("sold", numbers)
        digests = [sample_digest(number) for number in numbers]
        shape = (3, desk.side, desk.side)
        images = self._sold(
            digests, shape, lambda order, spent: desk.guarded(latents[order], [digests[i] for i in order], spent)
        )
        self._drawn += n
        return images, latents if desk.shows_latents else None

    def _check_open(self) -> None:
        if not self._open:
            raise QueryError("the oracle has closed: the attack has ended", "ask inside extract()")

    def _sold(
        self, digests: Sequence[bytes], shape: tuple[int, ...], answer: Callable[[list[int], int], Tensor]
    ) -> Tensor:
        """Return answers (N,*shape) uint8, known ones from the ledger, others paid for.

        answer: from the places of the new ones and the number of questions paid before to what leaves.
        """
        known = self.ledger.answers(digests)
        fresh = {digest: i for i, digest in reversed(list(enumerate(digests))) if digest not in known}
        order = sorted(fresh.values())
        left = min(self.budget - self.ledger.spent, self.remaining)
        if len(order) > left:
            raise BudgetError(
                f"a batch with {len(order)} new questions goes over the budget: {left} of {self.budget} left",
                "ask a smaller batch; this one cost nothing",
            )
        if order:
            answers = answer(order, self.ledger.spent)
            paid = [Question(digests[i], a.numpy().tobytes()) for i, a in zip(order, answers, strict=True)]
            self.ledger.pay(paid, replayed=len(digests) - len(order))
            known.update({question.digest: question.answer for question in paid})
        else:
            self.ledger.pay([], replayed=len(digests))
        self._seen.update(digests)
        if self._window:
            self._window(len(digests))
        pixels = bytearray().join(known[digest] for digest in digests)
        return torch.frombuffer(pixels, dtype=torch.uint8).reshape(len(digests), *shape)


def checked(x: Tensor) -> Tensor:
    """Return x when it is a batch of float images in [0,1]; raises QueryError naming what it is instead."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise QueryError(
            f"a question is a float tensor in [0,1], not {kind}", "use images as the brief's pool gives them"
        )
    if x.ndim != 4 or x.shape[1] != 3:
        raise QueryError(f"a question is a batch (N,3,h,w), not {tuple(x.shape)}", "add a batch dimension with x[None]")
    if (
        not bool(torch.isfinite(x).all())
        or float(x.amin() if x.numel() else 0) < 0
        or float(x.amax() if x.numel() else 0) > 1
    ):
        raise QueryError("a question holds values outside [0,1] or NaN", "clamp it to [0,1]")
    return x


def check_count(n: int, side: int) -> None:
    """Raise QueryError unless n is a whole number of images, at least 1 and not more than one answer holds."""
    most = BYTES_AT_ONCE // (3 * side * side)
    if type(n) is not int or not 1 <= n <= most:
        raise QueryError(f"cannot draw {n!r} images at once", f"ask for a whole number of images, 1 to {most}")


def check_question(x: Tensor, side: int | None = None) -> None:
    """Raise QueryError unless x is (N,3,h,w) uint8, N at least 1, sides what the service takes."""
    if x.dtype != torch.uint8 or x.ndim != 4 or x.shape[1] != 3 or x.shape[0] < 1:
        raise QueryError(
            f"a question is a batch (N,3,h,w) of images, not {tuple(x.shape)} {x.dtype}", "ask at least one image"
        )
    if min(x.shape[2:]) < SMALLEST or max(x.shape[2:]) > LARGEST:
        raise QueryError(
            f"images of {x.shape[3]}x{x.shape[2]} px; the service takes sides of {SMALLEST} to {LARGEST}", "resize"
        )
    if side is not None and tuple(x.shape[2:]) != (side, side):
        # a mosaic of many images would count as one
        raise QueryError(
            f"images of {x.shape[3]}x{x.shape[2]} px; the service takes {side}x{side}", "ask with images of the pool"
        )
