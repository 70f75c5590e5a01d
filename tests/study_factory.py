"""A small study and its answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gexbench.study.answers import COLUMNS
from gexbench.study.arms import Arms
from gexbench.study.design import Wish, orders
from gexbench.study.key import Group, Item, Key, Side, rules_of

WISH = Wish(images=8, raters=12, seed="a secret of the tests")
RULES = rules_of(0.5, "How well?")


def image(*what: int) -> Tensor:
    """Return noise, another for other numbers."""
    dice = torch.Generator().manual_seed(hash(what) % 2**31)
    return torch.randint(0, 256, (3, 6, 8), generator=dice, dtype=torch.uint8)


def make_arms(count: int = 20) -> Arms:
    """Return two arms of noise; arm b is flat, which compresses to much less."""
    places = range(count)
    sides = [Side(run=f"run-of-{name}", model="surrogate", evidence_sha256="0" * 64) for name in ("victim", "thief")]
    return Arms(
        task="monet2photo",
        profile="mini",
        sides=(sides[0], sides[1]),
        names=[f"test/photo-{at}.png" for at in places],
        sources=[image(0, at) for at in places],
        pictures=([image(1, at) for at in places], [torch.full((3, 6, 8), at, dtype=torch.uint8) for at in places]),
        truth=[image(2, at) for at in range(3)],
    )


Score = Callable[[Item], int]


def honest(item: Item) -> int:
    """Give what is asked for, and 3 for all else."""
    return item.wanted or 3


def lines_of(code: str, key: Key, study: str, score: Score = honest) -> list[list[str]]:
    """Return what a rater's page saves."""
    group = group_of(code, key)
    places = orders(key.seed, group)[code]
    asked = [group.items[place] for place in places]
    rows = [[study, code, item.id, str(at), str(score(item)), str(2000 + at)] for at, item in enumerate(asked, start=1)]
    return [[*COLUMNS], *rows]


def group_of(code: str, key: Key) -> Group:
    """Return the page of a rater."""
    return next(group for group in key.groups if code in group.raters)


def write(path: Path, lines: list[list[str]]) -> Path:
    """Write lines as a page saves them."""
    path.write_text("".join(",".join(line) + "\r\n" for line in lines), encoding="utf-8", newline="")
    return path
