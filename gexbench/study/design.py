"""What a study asks of whom: a Latin square of images and arms, checks on the raters, and an order for each of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from gexbench.study.key import Arm, Group, Item, Role, StudyError

REPEATS = 2
"""Rated items that are asked twice: one of either arm."""
WANTED = (2, 4)
"""What instructions ask for."""
CODE = "abcdefghjkmnpqrstuvwxyz23456789"
"""Signs of a rater's code, none of which is taken for another."""


@dataclass(frozen=True)
class Wish:
    """How large a study is to be, images rated and raters on both pages, and the text that all its draws come from."""

    images: int
    raters: int
    seed: str

    def __post_init__(self) -> None:
        if self.images < 4 or self.images % 2:
            raise StudyError(
                f"{self.images} images cannot be shown half in either arm", "give an even number from 4 on"
            )
        if self.raters < 4 or self.raters % 2:
            raise StudyError(
                f"{self.raters} raters cannot be spread over two pages, two or more on each", "give an even number"
            )

    @property
    def anchors(self) -> int:
        """Return how many untranslated images a page shows, and as many true ones: together a tenth of the rated."""
        return max(1, round(self.images / 20))

    def dice(self, *what: object) -> random.Random:
        """Return a generator for one purpose; none tells what another draws."""
        return _dice(self.seed, *what)

    def name(self, *what: object) -> str:
        """Return an opaque name."""
        return hashlib.sha256("/".join(map(str, (self.seed, *what))).encode()).hexdigest()[:12]


def design(wish: Wish, names: Sequence[str]) -> tuple[Group, Group]:
    """Return both pages' items, in an order that says nothing, and raters; raises StudyError with too few images."""
    needed = wish.images + 2 * wish.anchors
    if len(names) < needed:
        raise StudyError(
            f"{wish.images} rated images and {2 * wish.anchors} anchors need {needed}, and the runs kept {len(names)}",
            "give --images a smaller number",
        )
    chosen = wish.dice("images").sample(list(names), needed)
    first, second = (_group(wish, page, chosen) for page in (1, 2))
    return first, second


def _group(wish: Wish, page: int, names: Sequence[str]) -> Group:
    rated, anchors = names[: wish.images], names[wish.images :]
    arms: tuple[Arm, Arm] = ("a", "b")
    items = [
        Item(id=wish.name(page, "rated", at), role="rated", source=name, arm=arms[(at + page) % 2])
        for at, name in enumerate(rated)
    ]
    again = [
        Item(id=wish.name(page, "repeat", at), role="repeat", source=item.source, arm=item.arm, repeats=item.id)
        for at, item in enumerate(items[:REPEATS])
    ]
    kinds: tuple[Role, Role] = ("untranslated", "true-style")
    roles = [role for role in kinds for _ in range(wish.anchors)]
    shown = [
        Item(id=wish.name(page, "anchor", at), role=role, source=name)
        for at, (role, name) in enumerate(zip(roles, anchors, strict=True))
    ]
    told = [Item(id=wish.name(page, "instructed", at), role="instructed", wanted=w) for at, w in enumerate(WANTED)]
    mixed = [*items, *again, *shown, *told]
    wish.dice(page, "items").shuffle(mixed)
    return Group(page=f"page-{page}.html", items=tuple(mixed), raters=_codes(wish, page))


def _codes(wish: Wish, page: int) -> tuple[str, ...]:
    """Return codes of six signs, of which the first is another on either page."""
    dice, half = wish.dice(page, "raters"), CODE[(page - 1) * 15 : page * 15]
    found: dict[str, None] = {}
    while len(found) < wish.raters // 2:
        found[dice.choice(half) + "".join(dice.choice(CODE) for _ in range(5))] = None
    return tuple(found)


def _dice(*what: object) -> random.Random:
    return random.Random("/".join(map(str, what)))


def orders(seed: str, group: Group) -> dict[str, list[int]]:
    """Return for each rater the places of items in the order they are asked: repeats a fourth of the page later."""
    places = {item.id: at for at, item in enumerate(group.items)}
    pairs = [(places[item.repeats], at) for at, item in enumerate(group.items) if item.repeats]
    return {code: _order(_dice(seed, group.page, "order", code), len(group.items), pairs) for code in group.raters}


def _order(dice: random.Random, count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    order = list(range(count))
    while True:
        dice.shuffle(order)
        at = {item: position for position, item in enumerate(order)}
        if all(at[again] - at[once] >= count // 4 for once, again in pairs):
            return order
