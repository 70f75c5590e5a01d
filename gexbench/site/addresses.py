"""Where the pages of a site lie, from its root."""

from __future__ import annotations

import re
from hashlib import sha256

from gexbench.boards.rank import Board, Table
from gexbench.cards.schema import AttackCard, Card, DatasetCard, DefenseCard, MetricCard, VictimCard
from gexbench.record import RunRecord

CARDS: dict[type[Card], str] = {
    AttackCard: "attacks",
    DefenseCard: "defenses",
    VictimCard: "victims",
    MetricCard: "metrics",
    DatasetCard: "datasets",
}
"""The folders of the kinds of cards that have pages."""
HOME, COSTS, STYLE, SCRIPT = "index.html", "costs.html", "site.css", "site.js"


def plain(text: str) -> str:
    """Return a text as part of a file's name; two texts never give one, whatever system the files lie on."""
    kept = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:60]
    return kept if kept == text else f"{kept}-{sha256(text.encode()).hexdigest()[:8]}"


def board_page(board: Board) -> str:
    """Return where the page of a board lies."""
    return f"boards/{plain(board.card.name)}.html"


def table_page(board: Board, table: Table) -> str:
    """Return where the page of one table of a board lies."""
    against = f"-{plain(table.defense)}" if table.defense else ""
    return f"tables/{plain(board.card.name)}/{plain(table.profile)}/{table.budget}{against}.html"


def record_page(record: RunRecord) -> str:
    """Return where the page of a record lies."""
    return f"records/{record.run_name}.html"


def record_data(record: RunRecord) -> str:
    """Return where the record itself lies."""
    return f"records/{record.run_name}.json"


def eval_results(record: RunRecord) -> str:
    """Return where a record's numbers lie in the form of the Hugging Face Hub."""
    return f"records/{record.run_name}.eval.yaml"


def picture(record: RunRecord) -> str:
    """Return where the contact sheet of a run lies."""
    return f"pictures/{record.run_name}.png"


def card_page(card: Card) -> str:
    """Return where the page of a card lies."""
    return f"{CARDS[type(card)]}/{plain(card.name)}.html"


def croissant_page(card: DatasetCard) -> str:
    """Return where the metadata of a data set lie."""
    return card_page(card).removesuffix(".html") + ".croissant.json"


def row_anchor(label: str) -> str:
    """Return what a row is called on the page of its table."""
    return f"row-{plain(label)}"
