"""What lies between clients and the victim: nothing, or a defense that cannot tell who asks.

The questions of the test go through a defense mixed into the client's, each as the client's do and at a place that
nobody but the service knows; what is left of them when the client has done goes through after it. Plain answers come
from a victim that no defense has touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gexbench.engine.kinds.endpoint import OpenVictim
from gexbench.engine.kinds.guard import Tests, Way
from gexbench.engine.service.defense import Asked, Guard
from gexbench.engine.service.honest import Kept, Places, Sample
from gexbench.engine.wire.messages import Unmetered


@dataclass(frozen=True)
class Undefended:
    """Nothing between clients and the victim; implements kinds.guard.Front."""

    way: Way
    victim: OpenVictim

    def answer(self, x: Tensor, digests: Sequence[bytes], paid: int) -> Tensor:
        """Return what leaves: what the victim answers."""
        return self.plain(x)

    def plain(self, x: Tensor) -> Tensor:
        """Return what the victim answers."""
        return self.way.answer(self.victim, x)

    def honest(self, x: Tensor, digests: Sequence[bytes]) -> None:
        """Return nothing: no answer is changed."""

    def finish(self, paid: int) -> None:
        """Nothing is left to ask."""

    def queried(self, place: int, paid: int) -> Unmetered:
        """Return nothing: no answer was changed."""
        return Unmetered(plain=torch.empty(0))

    @property
    def delay(self) -> float | None:
        """Return None: no answer waits."""
        return None

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class Stream:
    """All questions that go through a defense: the test's, their places among a client's, and what is kept."""

    tests: Tests
    places: Places
    sample: Sample
    kept: Kept


def stream(tests: Tests, budget: int, file: Path, secret: bytes) -> Stream:
    """Return the stream of a run; secret: what no defense can tell, of which all places are drawn."""
    key = hashlib.blake2b(b"".join(tests.digests), key=secret[:64]).digest()
    kept = Kept(file)
    return Stream(tests, Places(budget, len(tests.digests), key), Sample(key, kept.queried()), kept)


class Defended:
    """A defense between clients and the victim; implements kinds.guard.Front.

    clean: the victim as its card pins it. deployed: what answers clients, hardened or not.
    """

    def __init__(self, way: Way, victims: tuple[OpenVictim, OpenVictim], guard: Guard, stream: Stream) -> None:
        self._way, self._guard, self._stream = way, guard, stream
        self._clean, self._deployed = victims
        self._feeds = way.moment in guard.moments
        self._done, self._others = stream.kept.tests(), 0
        self._next: int | None = None

    def answer(self, x: Tensor, digests: Sequence[bytes], paid: int) -> Tensor:
        """Return what leaves for a client's new questions, after asking the tests that stand among them."""
        count = self._stream.places.of_client
        mine = [Asked(x[i : i + 1], digest, count(paid + i)) for i, digest in enumerate(digests)]
        tests = self._due(paid + len(mine))
        answers: dict[int, Tensor] = {}
        if not self._feeds:  # all are answered first, and the tests long before: no pause tells where one stands
            answers = dict(zip((one.count for one in mine), self._way.answer(self._deployed, x).split(1), strict=True))
            answers |= {test.count: self._stream.kept.ahead(test.digest) for test in tests}
        left = {one.count: self._left(one, answers) for one in sorted([*mine, *tests], key=_count)}
        self._keep(tests, left)
        for i, one in enumerate(mine):
            self._sample(paid + i, one, (answers[one.count], left[one.count]))
        return torch.cat([left[one.count] for one in mine])

    def plain(self, x: Tensor) -> Tensor:
        """Return what the undefended victim answers."""
        return self._way.answer(self._clean, x)

    def honest(self, x: Tensor, digests: Sequence[bytes]) -> Tensor:
        """Return what leaves for questions of the test; those that were not asked yet are asked now."""
        return torch.cat([self._honest(x[i : i + 1], digest) for i, digest in enumerate(digests)])

    def finish(self, paid: int) -> None:
        """Ask what is left of the test when a client has asked `paid` questions."""
        scored = max(self._stream.tests.scored, paid)
        left = [n for n in range(min(scored, len(self._stream.tests.digests))) if not self._knows(n)]
        for test in sorted(map(self._test, left), key=_count):
            self._keep([test], {test.count: self._left(test, {})})

    def queried(self, place: int, paid: int) -> Unmetered:
        """Return the plain answer to a client's question that was kept, and what left; nothing beyond the last."""
        numbers = [number for number in self._stream.kept.queried() if number < paid]
        if place >= len(numbers):
            return Unmetered(plain=torch.empty(0))
        answers = self._stream.kept.answers(numbers[place])
        return Unmetered(plain=answers["plain"], guarded=answers["left"])

    @property
    def delay(self) -> float | None:
        """Return the seconds that an answer of this session waited for the defense, mean; None where none left."""
        return self._guard.delay

    def close(self) -> None:
        """Close what is kept."""
        self._stream.kept.close()

    def _due(self, until: int) -> list[Asked]:
        """Return the tests that stand among the client's first `until` questions and were not asked yet, in order."""
        places = self._stream.places
        if self._next is None:
            self._next = 0
            self._answer_ahead()
        first, self._next = self._next, places.due(until)
        return [self._test(number) for number in places.order[first : self._next] if not self._knows(number)]

    def _answer_ahead(self) -> None:
        """Have the victim answer all tests that are still to be asked, where what is fed to it is never changed."""
        for number in self._stream.places.order if not self._feeds else ():
            if not self._knows(number):
                test = self._test(number)
                self._stream.kept.keep_ahead(test.digest, self._way.answer(self._deployed, test.x))

    def _left(self, asked: Asked, answers: dict[int, Tensor]) -> Tensor:
        """Return what leaves for one question; answers: of the victim by count, to which this one is added."""
        if asked.count not in answers:
            answers[asked.count] = self._way.answer(self._deployed, self._guard.feed(self._way, asked))
        return self._guard.leave(asked, answers[asked.count])

    def _knows(self, number: int) -> bool:
        return self._stream.tests.digests[number] in self._done

    def _test(self, number: int) -> Asked:
        tests = self._stream.tests
        return Asked(tests.question(number), tests.digests[number], self._stream.places.of_test(number))

    def _keep(self, tests: Iterable[Asked], left: dict[int, Tensor]) -> None:
        for test in tests:
            self._stream.kept.keep_test(test.digest, left[test.count])
            self._done.add(test.digest)

    def _sample(self, number: int, asked: Asked, answers: tuple[Tensor, Tensor]) -> None:
        out = self._stream.sample.take(number)
        if out == number:
            return
        answer, left = answers
        untouched = self._deployed is self._clean and not self._feeds
        self._stream.kept.keep_queried(number, answer if untouched else self.plain(asked.x), left)
        if out is not None:
            self._stream.kept.drop_queried(out)

    def _honest(self, x: Tensor, digest: bytes) -> Tensor:
        found = self._stream.kept.test(digest)
        if found is None:
            other = Asked(x, digest, self._stream.places.of_other(self._others))
            self._others += 1
            found = self._left(other, {})
            self._keep([other], {other.count: found})
        return found


def _count(asked: Asked) -> int:
    return asked.count
