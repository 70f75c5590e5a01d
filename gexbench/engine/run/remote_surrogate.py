"""A surrogate as a child process, behind a control channel."""

from __future__ import annotations

import shutil
from typing import ClassVar

from torch import Tensor

from gexbench.engine.run.defense import Confines
from gexbench.engine.run.remote import UntrustedProcess
from gexbench.engine.run.sides import Journal
from gexbench.engine.wire.messages import Built, Failed, Infer, Inferred, Message, StartSurrogate


class RemoteSurrogate(UntrustedProcess):
    """A surrogate's process; implements sides.SurrogateSide. Its folder is empty at the start, and gone in the end."""

    module = "gexbench.engine.attacker.surrogate_process"
    role, subject, due = "surrogate", "the surrogate", "answered"
    unasked: ClassVar[tuple[type[Message], ...]] = (Failed,)

    def __init__(self, order: StartSurrogate, confines: Confines, journal: Journal) -> None:
        shutil.rmtree(confines.folder, ignore_errors=True)
        super().__init__(confines, (), journal)
        self._order, self._folder = order, confines.folder
        self.latent_size: int | None = None

    def build(self) -> None:
        """Have it built anew; all it does from here on counts. Raises RunFailed where that cannot be."""
        self.wait_ready()
        self._clock = self._journal.timesheet.witnessing()
        built = self._ask(self._order, Built)
        self._journal.note(built.incidents)
        self.latent_size = built.latent_size

    def infer(self, x: Tensor) -> Tensor:
        """Return its raw output for what the task's kind asks it."""
        with self._reading(self._largest(x)):
            inferred = self._ask(Infer(x=x), Inferred)
        self._journal.note(inferred.incidents)
        return inferred.y.float()

    def _largest(self, x: Tensor) -> int:
        """Return the bytes that are read of an answer: more than it needs, so that a wrong shape can be named."""
        pixels = max(x.numel(), 3 * len(x) * (self._order.side or 0) ** 2)
        return 32 * pixels * self._order.scale**2

    def stop(self) -> None:
        """End the process with everything it started, and empty its folder."""
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)
