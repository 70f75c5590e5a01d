"""How a process that runs foreign code is followed to its end."""

from __future__ import annotations

import traceback
from typing import Protocol

from gexbench.engine.attacker.audit import Incidents
from gexbench.engine.attacker.kept import happened
from gexbench.engine.wire.frames import BrokenFrame, Channel
from gexbench.engine.wire.messages import Failed, send


class Follower(Protocol):
    """What follows the bench's messages; incidents: what was tried so far."""

    control: Channel
    incidents: Incidents

    def run(self) -> None:
        """Follow them until told to stop; raises whatever foreign code raises."""
        ...


def served(follower: Follower, unfit: str) -> int:
    """Run a follower, tell the bench what ended it early, and return the exit code; unfit: see `kept.happened`."""
    try:
        follower.run()
    except BrokenFrame:
        return 1
    except BaseException as error:
        traceback.print_exc()
        send(follower.control, Failed(reason=happened(error, unfit), incidents=tuple(follower.incidents.list())))
        return 1
    return 0
