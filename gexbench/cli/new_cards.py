"""What `gexbench new dataset|task|board` writes: templates with what is known filled in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from gexbench.cards.fields import TaskKindName

if TYPE_CHECKING:
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import DatasetCard, TaskCard, VictimCard

KIND: TaskKindName = get_args(TaskKindName)[0]
"""What the tasks that are written are of: services that take images."""
VICTIMS = {1: "cyclegan-monet-mini", 4: "srgan-mini"}
"""A packaged victim for each scale that there is one for; it takes images of any side."""
CROPS = "pool_crop = 24  # questions are crops of so many pixels a side\npool_count = 512  # how many there are"


@dataclass(frozen=True)
class Wanted:
    """What a user said of a data set; sides None: the layout's usual folders."""

    source: Path
    layout: str
    sides: tuple[str, ...] | None
    strip: str
    scale: int
    side: int


def write_dataset(path: Path, name: str, wanted: Wanted, progress: Callable[[str, int, int], None]) -> list[str]:
    """Write the card of a data set and the list of its hashes; returns what to tell.

    Raises DataMissing naming the first thing that is wrong with the images; nothing is written then.
    """
    return write_pinned(path, _dataset_text(path, name, wanted), progress)


def write_pinned(path: Path, text: str, progress: Callable[[str, int, int], None]) -> list[str]:
    """Write the text of a data set's card and the list of its hashes; returns and raises as `write_dataset`."""
    from gexbench.cards.catalog import check
    from gexbench.cards.schema import DatasetCard
    from gexbench.engine.store.pin import examined, refuse_faults, write_pins
    from gexbench.files import atomic_write

    card, pins = check(DatasetCard, _parsed(text), path), path.with_suffix(".sha256")
    report = examined(card, pins, progress)
    refuse_faults(card, report)
    count = write_pins(report.files, pins)
    atomic_write(path, text.encode())
    splits = ", ".join(f"{split} {number}" for split, number in report.counts.items())
    return [f"wrote {path}: {splits}", f"wrote {pins}: {count} files"]


def _dataset_text(path: Path, name: str, wanted: Wanted) -> str:
    from gexbench.engine.scoring.features.images import open_images
    from gexbench.engine.store.layout import SIDES, Source, arrange
    from gexbench.errors import PlanError

    sides = wanted.sides or SIDES[wanted.layout]
    usual = SIDES[wanted.layout]
    if len(sides) != len(usual) or len(set(sides)) != len(sides) or not all(sides):
        hint = f"layout {wanted.layout} has two, such as {','.join(usual)}" if usual else "layout one has none"
        raise PlanError(f"--sides {','.join(sides)!r} does not name the folders of the layout", hint)
    if wanted.layout == "unpaired" and wanted.scale != 1:
        raise PlanError(f"--scale {wanted.scale} needs pairs, or photos alone", "--layout paired, or one")
    source = Source.of(wanted.source, open_images(wanted.source).names)
    strip = [text for text in wanted.strip.split(",") if text]
    found = arrange(source, sides, wanted.layout == "paired", strip)
    scaled = f"scale = {wanted.scale}  # the photos are so many times as large as the questions\n{CROPS}"
    words = {
        "NAME": name,
        "FOLDER": json.dumps(from_card(path.parent, source.folder), ensure_ascii=False),
        "FIRST": _listed(found.patterns[0]),
        "SECOND": _listed(found.patterns[-1]),
        "BOTH": _listed(dict.fromkeys(pattern for patterns in found.patterns for pattern in patterns)),
        "INPUT": _quoted(found.tops[0]),
        "TARGET": _quoted(found.tops[-1]),
        "STRIP": _quoted(wanted.strip),
        "SCALE": str(wanted.scale),
        "SIZES": scaled if wanted.scale > 1 else f"side = {wanted.side}  # all images become squares of so many pixels",
        "SIDE": str(wanted.side),
    }
    return _filled(f"dataset/{wanted.layout}.toml", words)


def write_task(path: Path, name: str, dataset: str, victim: str | None) -> Path:
    """Write the card of a task on a data set and return its path; raises CardError, DataMissing and PlanError."""
    from gexbench.cards.catalog import Catalog, check
    from gexbench.cards.schema import DatasetCard, TaskCard, VictimCard
    from gexbench.files import atomic_write

    catalog = Catalog.load([path.parent.parent] if path.parent.parent.is_dir() else [])
    filed = catalog.filed(DatasetCard, dataset)
    given = None if victim is None else catalog.get(VictimCard, victim)
    if given is not None and given.draws:
        kind, words = given.task_kind, _drawn(filed.card, filed.pins, given)
    else:
        kind, words = KIND, _answered(filed.card, filed.pins, _victim(catalog, victim, _scale(filed.card)))
    text = _filled(f"task/{kind}.toml", {"NAME": name, "DATASET": dataset, **words})
    check(TaskCard, _parsed(text), path)
    atomic_write(path, text.encode())
    return path


def _scale(card: DatasetCard) -> int:
    return int(card.settings.get("scale", 1))


def _answered(card: DatasetCard, pins: Path, victim: VictimCard) -> dict[str, str]:
    """Return what a task says of a service that takes images."""
    style, scale = card.splits.reference is not None, _scale(card)
    main = "ssim-rgb" if style else "psnr-rgb"
    return {
        "TRUTH": "style" if style else "pairs",
        "SCALE": str(scale),
        "METRICS": _listed([main, "fid", "lpips-alex"] if style else [main, "ssim-rgb", "lpips-alex"]),
        "MAIN": main,
        "CONTROLS": _listed(["identity" if scale == 1 else "bicubic", "victim"]),
        "VICTIM": victim.name,
        **_asked(card, pins),
    }


def _drawn(card: DatasetCard, pins: Path, victim: VictimCard) -> dict[str, str]:
    """Return what a task says of a service that draws; raises PlanError where the images of the set do not fit it."""
    from gexbench.engine.store.datasets import locate
    from gexbench.errors import PlanError

    side, has = victim.net.get("side"), card.settings.get("side")
    if _scale(card) != 1 or has is None or side not in (None, has) or card.splits.reference is not None:
        told = f"victim {victim.name!r} draws images of {side or 'some'} px, and data set {card.name!r} holds others"
        raise PlanError(told, f"gexbench new dataset me/real --layout one --side {side or 64} --from FOLDER")
    counts = [len(files) for split, files in locate(card, pins).items() if split.startswith("test/")]
    if min(counts) < 2:
        raise PlanError(f"a test split of data set {card.name!r} has one image", "add images, and pin them")
    return {"VICTIM": victim.name, "SIDE": str(has), "SAMPLES": str(min(counts))}


def _victim(catalog: Catalog, name: str | None, scale: int) -> VictimCard:
    from gexbench.cards.schema import VictimCard
    from gexbench.errors import PlanError

    cards = [filed.card for filed in catalog.all(VictimCard).values()]
    fitting = [card.name for card in cards if (card.task_kind, card.scale) == (KIND, scale)]
    if name is None and scale not in VICTIMS:
        raise PlanError(f"no packaged victim answers at scale {scale}", "name one of your own with --victim")
    card = catalog.get(VictimCard, name or VICTIMS[scale])
    if card.name not in fitting:
        raise PlanError(
            f"victim {card.name!r} is no service that takes images at scale {scale}",
            f"these are: {', '.join(fitting)}" if fitting else "see `gexbench victim list`",
        )
    return card


def _asked(card: DatasetCard, pins: Path) -> dict[str, str]:
    """Return what a task says of its questions: budgets of a quarter, half and all of the pool, and their size."""
    from gexbench.engine.store.questions import questions

    found = questions(card, pins)
    budgets = sorted({max(1, found.number // 4), max(1, found.number // 2), found.number})
    size = f"side = {found.side}  # the service takes squares of so many pixels, and no others"
    if not found.side:
        size = f"largest = {found.largest}  # pixels of the largest question"
    return {"BUDGETS": str(budgets), "QUESTION": size}


def write_board(path: Path, name: str, task: str) -> Path:
    """Write the card of a board and return its path; raises CardError for an unknown task, PlanError for another's."""
    from gexbench.cards.board import BoardCard
    from gexbench.cards.catalog import Catalog, check
    from gexbench.cards.schema import TaskCard
    from gexbench.errors import PlanError
    from gexbench.files import atomic_write

    root = path.parent.parent
    catalog = Catalog.load([root] if root.is_dir() else [])
    filed = catalog.filed(TaskCard, task)
    if filed.root.path != root.resolve():
        raise PlanError(f"task {task!r} is none of {root}", "a board lies beside its task: gexbench new task")
    words = {"NAME": name, "TASK": f"{task}@{filed.card.version}", "COLUMNS": _columns(filed.card)}
    text = _filled("board/card.toml", words)
    check(BoardCard, _parsed(text), path)
    atomic_write(path, text.encode())
    return path


def _columns(task: TaskCard) -> str:
    compares = ["B", *(["C"] if task.truth == "pairs" and not task.draws else [])]
    return "[" + ", ".join(f'{{ metric = "{task.main.metric}", compare = "{each}" }}' for each in compares) + "]"


def _filled(template: str, words: dict[str, str]) -> str:
    """Return a template with words in place of those in capitals, each looked at once."""
    import re
    from importlib.resources import files

    text = files("gexbench.templates").joinpath(*template.split("/")).read_text(encoding="utf-8")
    return re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[0]], text)


def _parsed(text: str) -> dict[str, object]:
    import tomllib

    return tomllib.loads(text)


def from_card(start: Path, folder: Path) -> str:
    """Return a folder's path from the card's, where it lies beside or below the folder of cards; else all of it."""
    start, folder = Path(os.path.realpath(start)), Path(os.path.realpath(folder))
    return os.path.relpath(folder, start) if folder.is_relative_to(start.parents[1]) else str(folder)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _listed(texts: Sequence[str] | dict[str, None]) -> str:
    return "[" + ", ".join(map(_quoted, texts)) + "]"
