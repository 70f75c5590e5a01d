"""The page of costs: the answers that a copy needs, at several prices, beside the training of what is copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gexbench.boards.sheet import NOTHING, Column, Sheet
from gexbench.cards.prices import PriceCard
from gexbench.cards.schema import TaskCard, VictimCard
from gexbench.plan import Plan
from gexbench.site.addresses import COSTS, card_page, row_anchor, table_page
from gexbench.site.render import Grid, render
from gexbench.site.rows import clean
from gexbench.site.source import Source, Spot

PAPER = "paper"


class Theft(NamedTuple):
    """What is copied, by how many answers, and by whom, where somebody did."""

    task: str
    profile: str
    victim: VictimCard | None
    answers: float
    spot: Spot | None = None

    @property
    def flops(self) -> float | None:
        """Return the FLOPs of the victim's training, where they were counted."""
        return self.victim.training_flops if self.victim else None


def cost_html(source: Source) -> str:
    """Return the page of costs."""
    prices = [filed.card for filed in source.catalog.all(PriceCard).values()]
    return render(
        "costs.html",
        COSTS,
        prices=sorted(prices, key=lambda price: (price.hour is not None, price.date)),
        done=_grid("Copies on the boards", list(_done(source)), prices),
        planned=_grid("At the size of the papers", list(_planned(source)), prices),
    )


def _done(source: Source) -> Iterator[Theft]:
    """Yield the best attack on each undefended service that has records, at the ranked budget."""
    for board in source.boards:
        for table in board.tables:
            row = next((row for row in table.rows if row.rank == 1), None)
            if row is not None and table.headline and not table.defense:
                plan = row.records[0].plan
                spot = Spot(board, table, row)
                yield Theft(board.card.taken, table.profile, _victim(source, plan), row.queries, spot)


def _victim(source: Source, plan: Plan) -> VictimCard | None:
    """Return today's card of a plan's victim, where its weights are those that were copied."""
    card = source.cards[VictimCard].get(plan.victim.name)
    if not isinstance(card, VictimCard) or card.weights is None or card.weights.sha256 != plan.victim_weights:
        return None
    return card


def _planned(source: Source) -> Iterator[Theft]:
    """Yield the tasks at the size of the papers, as cards say it."""
    for filed in source.catalog.all(TaskCard).values():
        if scale := filed.card.profile.get(PAPER):
            card = source.cards[VictimCard].get(scale.victim)
            if isinstance(card, VictimCard) and card.training_flops is not None:
                yield Theft(f"{filed.card.name}@{filed.card.version}", PAPER, card, scale.ranked_budget)


def _grid(title: str, thefts: Sequence[Theft], prices: Sequence[PriceCard]) -> Grid | None:
    asked = [price for price in prices if price.thousand_images is not None]
    machines = [price for price in prices if price.hour is not None]
    ran = any(theft.spot for theft in thefts)
    columns = (
        Column("task", False),
        Column("profile", False),
        Column("victim", False),
        *([Column("best attack", False)] if ran else []),
        Column("answers"),
        *(Column(f"USD at {price.name}") for price in asked),
        Column("training, PFLOP"),
        *(Column(f"USD of training at {price.name}") for price in machines),
    )
    rows = tuple(
        (
            theft.task,
            theft.profile,
            theft.victim.name if theft.victim else NOTHING,
            *([theft.spot.row.label if theft.spot else NOTHING] if ran else []),
            f"{theft.answers:.0f}",
            *(_digits((price.thousand_images or 0.0) * theft.answers / 1000) for price in asked),
            NOTHING if theft.flops is None else _digits(theft.flops / 1e15),
            *(NOTHING if theft.flops is None else _digits(training_price(theft.flops, price)) for price in machines),
        )
        for theft in thefts
    )
    sheet = clean(Sheet(title, 2, columns=columns, rows=rows))
    hrefs = {(at, 2): card_page(theft.victim) for at, theft in enumerate(thefts) if theft.victim}
    for at, theft in enumerate(thefts):
        if theft.spot:
            hrefs[at, 3] = f"{table_page(theft.spot.board, theft.spot.table)}#{row_anchor(theft.spot.row.label)}"
    return Grid(sheet, hrefs) if rows else None


def training_price(flops: float, machine: PriceCard) -> float:
    """Return what so many FLOPs cost on a machine, in its currency."""
    return flops / ((machine.teraflops or 1.0) * 1e12) / 3600 * (machine.hour or 0.0)


def _digits(value: float) -> str:
    """Return two places, or two digits of what is less than 0.1; no exponents and no commas: tables sort by them."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}" if value >= 1e-4 else f"{value:.6f}"
