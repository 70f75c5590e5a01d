"""What value of a metric is ideal, in records of before cards said so."""

from __future__ import annotations

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.record import RunRecord


def with_ideals(record: RunRecord, catalog: Catalog) -> RunRecord:
    """Return a record whose metric cards name the ideal that the catalog's do, whatever they say themselves.

    The id, which is of no prose, and the seal stay. An id by the first rule does not: records are checked as they were
    read.
    """
    known = catalog.all(MetricCard)
    ideals = {name: filed.card.ideal for name, filed in known.items()}
    cards = tuple(card.model_copy(update={"ideal": ideals.get(card.name)}) for card in record.plan.metrics)
    return record.model_copy(update={"plan": record.plan.model_copy(update={"metrics": cards})})
