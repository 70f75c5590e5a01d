"""The service of a run that a person asks: the same processes, meter and ledger, and no attack."""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.own import is_remote
from gexbench.core.attack import Progress
from gexbench.engine.attacker.oracle import Ask, MeteredOracle, over
from gexbench.engine.run.execute import Run, begin
from gexbench.engine.run.isolation import confines
from gexbench.engine.run.local import LocalService
from gexbench.engine.run.orders import make_orders, private
from gexbench.engine.run.remote import RemoteService, oracle_ends
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import ServiceSide
from gexbench.engine.wire.messages import Answer, Query, Refused, Sample
from gexbench.errors import QueryError
from gexbench.plan import Plan
from gexbench.record import Account, Bill


class Opened:
    """A service that answers until it is closed; what was paid for in its folder before is answered for nothing.

    plan: of the control that is the victim, which brings no attack. pool: the images that an attack of it would have.
    Raises what engine.run.execute raises.
    """

    def __init__(self, plan: Plan, catalog: Catalog, folder: Path, progress: Progress) -> None:
        place = RunFolder(folder.resolve())
        with ExitStack() as stack:
            stack.enter_context(place.locked())
            run = begin(plan, catalog, place, progress, 0)
            self._service, ask = _open(run, stack)
            self._open = stack.pop_all()
        self.metered = MeteredOracle(run.setting.kind, plan.budget, ask)
        self.pool: Sequence[Tensor] = run.setting.dataset.pool().inputs
        self._run = run

    @property
    def incidents(self) -> tuple[str, ...]:
        """Return what happened that a record would name."""
        return tuple(self._run.journal.incidents)

    def close(self) -> tuple[Account, Bill | None]:
        """End the service and return its account, over all sessions, and what a victim behind an address was paid."""
        with self._open:
            account = self._service.close().account
            remote = is_remote(self._run.setting.plan.victim)
            return account, self._service.settle(watch=False).bill if remote else None


def _open(run: Run, stack: ExitStack) -> tuple[ServiceSide, Ask]:
    """Start a service, which the stack stops, and return it with what asks it."""
    orders = make_orders(run.setting)
    run.journal.progress("opening the service", 0, 0)
    if run.isolation == "none":
        local = LocalService(orders.service)
        stack.callback(local.stop)
        return local, local.service.ask
    where, ends = confines(run.setting.folder, orders, private(run.setting)), oracle_ends()
    service = RemoteService(orders.service, where.service, ends.service, run.journal, where.defense)
    stack.callback(ends.attacker.close)
    stack.callback(service.stop)
    service.wait_ready()
    return service, _heard(service, over(ends.attacker))


def _heard(service: RemoteService, ask: Ask) -> Ask:
    """Return what asks, and hears what the service tells the bench meanwhile; it raises what broke the service."""

    def asked(question: Query | Sample) -> Answer | Refused:
        try:
            reply = ask(question)
        except QueryError:
            service.close()  # raises why, where the service says so
            raise
        while select.select([service.control], [], [], 0)[0]:
            service.handle(lambda carried: 60.0)
        return reply

    return asked
