"""A service to ask by hand, in a notebook: metered and written down as in a run, and never ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from gexbench.bench import Progress, folders_of, prepare, quiet, refuse_unknown
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AttackCard
from gexbench.errors import GexbenchError, QueryError
from gexbench.plan import RUNS, Isolation, Request, settings_of
from gexbench.record import Account, Bill

if TYPE_CHECKING:
    from torch import Tensor

    from gexbench.core.oracle import Samples
    from gexbench.engine.run.opened import Opened


class OpenOracle:
    """The oracle of a task, open until `close`; implements core.oracle.Oracle, and is a context manager.

    folder: where its ledger lies; who opens the same again goes on there. account, bill: what was asked, and what a
    victim behind an address was paid; None until it is closed.
    """

    def __init__(self, opened: Opened, folder: Path) -> None:
        self._opened, self.folder = opened, folder
        self.account: Account | None = None
        self.bill: Bill | None = None
        self._closed = False
        self.budget = opened.metered.budget

    @property
    def remaining(self) -> int:
        """Return how many images may still be asked about, or drawn."""
        return self._opened.metered.remaining

    @property
    def pool(self) -> Sequence[Tensor]:
        """Return the images that an attack would have, each (3,h,w) float32 in [0,1]; none where a service draws."""
        return self._opened.pool

    @property
    def incidents(self) -> tuple[str, ...]:
        """Return what happened that a record would name."""
        return self._opened.incidents

    def query(self, x: Tensor) -> Tensor:
        """Ask about images (N,3,h,w) float32 in [0,1] and return the answers; raises QueryError and BudgetError."""
        self._refuse_closed()
        return self._opened.metered.query(x)

    def sample(self, n: int) -> Samples:
        """Have `n` images drawn by a service that draws; raises QueryError and BudgetError."""
        self._refuse_closed()
        return self._opened.metered.sample(n)

    def close(self) -> None:
        """End the service, and raise what broke it, if anything did; closing twice is as good as once."""
        if not self._closed:
            self._closed = True
            self.account, self.bill = self._opened.close()

    def __enter__(self) -> OpenOracle:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        with nullcontext() if error is None else suppress(GexbenchError):  # the first error says more
            self.close()

    def __repr__(self) -> str:
        """Return one line: how much is left, and where the ledger lies."""
        state = "closed" if self._closed else "open"
        return f"oracle, {state}: {self.remaining} of {self.budget} left; {self.folder}"

    def _refuse_closed(self) -> None:
        if self._closed:
            raise QueryError("the oracle is closed", "open it again with gexbench.open_oracle: it goes on where it was")


def open_oracle(
    task: str,
    *,
    budget: int | str | None = None,
    victim: str | None = None,
    defense: str | Path | None = None,
    profile: str | None = None,
    seed: int = 0,
    defense_options: Mapping[str, Any] | None = None,
    dataset: str | None = None,
    isolation: Isolation = "auto",
    device: str = "auto",
    registry: str | Path | Iterable[str | Path] = (),
    out: str | Path = RUNS,
    progress: Progress = quiet,
    **unknown: Never,
) -> OpenOracle:
    """Open the service of a task, to be asked by hand; arguments as in `run`.

    It is the service of a run: sandboxed, metered, and with a ledger below `out`, so that the same call goes on with
    what was paid for. No record comes of it. Raises GexbenchError for bad input.
    """
    from gexbench.engine.run.opened import Opened

    refuse_unknown(open_oracle, unknown)
    folders = folders_of(registry)
    request = Request(
        task=task,
        attack=_nobody(folders),
        defense=None if defense is None else str(defense),
        profile=profile or "",
        budget=None if budget is None else str(budget),
        seed=seed,
        defense_settings=settings_of(defense_options or {}),
        isolation=isolation,
        device=device,
        folders=folders,
        victim=victim,
        dataset=dataset,
    )
    catalog, plan = prepare(request)
    folder = Path(out) / f"oracle-{plan.run_name}"
    return OpenOracle(Opened(plan, catalog, folder, progress), folder)


def _nobody(folders: Iterable[Path]) -> str:
    """Return the name of the control that is the victim itself, which asks nothing."""
    cards = Catalog.load(folders).all(AttackCard)
    return next(name for name, filed in cards.items() if filed.card.answers == "victim" and "/" not in name)
