"""How a board is cited: by what it holds."""

from __future__ import annotations

import json
import re

from gexbench import __version__
from gexbench.boards.folder import digest_of
from gexbench.boards.latex import latex
from gexbench.boards.rank import Board
from gexbench.foreign_text import shown


def digest(board: Board) -> str:
    """Return a hash of the records a board holds, whatever their order: SHA-256 of their sorted seals, a line each."""
    return digest_of(record.seal for record in board.records)


def newest(board: Board) -> str:
    """Return the day on which the last of a board's runs began, such as `2026-11-30`; empty without records."""
    return max((record.started for record in board.records), default="")[:10]


def bibtex(board: Board) -> str:
    """Return a BibTeX entry of a board as it stands."""
    count, day = len(board.records), newest(board)
    key = re.sub(r"[^a-z0-9]+", "-", f"{board.card.name}-{board.card.newest}")
    fields = {
        "author": "{The gexbench developers}",
        "title": f"gexbench leaderboard {latex(board.card.taken)}: {latex(board.task.summary)}",
        "year": latex(day[:4]),
        "version": latex(__version__),
        "note": f"{count} records, the newest of {latex(day)}, digest {digest(board)}" if count else "no records",
    }
    lines = [f"  {name:<7} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{gexbench-{key},", *lines, "}"]) + "\n"


def cff(board: Board) -> str:
    """Return a board's CITATION.cff, whose identifier is the digest of its records."""
    day = newest(board)
    title = shown(f"gexbench leaderboard {board.card.taken}: {board.task.summary}")
    lines = [
        "cff-version: 1.2.0",
        "message: Cite the board as it stood, by the digest of its records.",
        f"title: {json.dumps(title)}",
        "type: dataset",
        "authors:",
        "  - name: The gexbench developers",
        f"version: {json.dumps(__version__)}",
        *([f"date-released: {json.dumps(day)}"] if day else []),
        "license: Apache-2.0",
        "identifiers:",
        "  - type: other",
        f"    value: sha256:{digest(board)}",
        f"    description: of the sorted seals of its {len(board.records)} records, a line each",
    ]
    return "\n".join(lines) + "\n"
