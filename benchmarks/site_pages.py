"""How long a site takes to be built, and its largest pages to be opened and sorted in Chromium.

    python benchmarks/site_pages.py [--records 5000] [--to FOLDER]

First the boards that ship, then one board of synthetic records: two profiles, four budgets, five defenses, 25 attacks a
table, five seeds. Opening is from the click to the end of the load event, sorting from the press of a heading, which
sorts every table of the page, to the layout that follows; medians of seven. Wants playwright, and Chromium on the path.

What was measured stands in docs/performance.md.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from gexbench.boards.published import published_root
from gexbench.boards.rank import make_board
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import DefenseCard, TaskCard
from gexbench.record import RunRecord, read_record
from gexbench.site.addresses import SCRIPT, STYLE, board_page
from gexbench.site.board_page import board_html
from gexbench.site.build import build
from gexbench.site.render import TEMPLATES
from gexbench.site.source import Source, open_source

SEEDS, ATTACKS, BUDGETS, DEFENSES, TIMES = 5, 25, 4, 5, 7


def synthetic(records: int, catalog: Catalog) -> tuple[Source, int]:
    """Return a site of one board with about so many records, and how many there are."""
    root = published_root()
    first = {p: next(root.glob(f"sr/records/sr-srresnet-{p}-b*-s0-*.json")) for p in ("mini", "small")}
    tables = 2 * BUDGETS * DEFENSES
    attacks = max(2, records // (SEEDS * tables))
    made = [run for file in first.values() for run in _runs(read_record(file), attacks, catalog)]
    board = make_board(catalog.get(BoardCard, "sr"), catalog.get(TaskCard, "sr"), made, frozenset())
    return Source((board,), catalog, {run.run_name: first[run.plan.profile.name] for run in made}), len(made)


def _runs(base: RunRecord, attacks: int, catalog: Catalog) -> Iterator[RunRecord]:
    draw, budgets = random.Random(0), base.plan.task.profile[base.plan.profile.name].budgets
    jpeg = catalog.get(DefenseCard, "jpeg")
    for budget, quality, attack in product(budgets[:BUDGETS], (0, 15, 30, 50, 75)[:DEFENSES], range(attacks)):
        level = draw.uniform(-4, 4)
        for seed in range(SEEDS):
            change: dict[str, Any] = {
                "budget": budget,
                "seed": seed,
                "options": {**base.plan.options, "steps": attack + 1},
            }
            if quality:
                change |= {"defense": jpeg, "defense_options": {"quality": quality}}
            moved = level + draw.gauss(0, 0.3)
            scores = tuple(s.model_copy(update={"seed": seed, "value": s.value + moved}) for s in base.scores)
            name = f"{draw.getrandbits(64):016x}"
            plan = base.plan.model_copy(update=change)
            yield base.model_copy(update={"id": name, "seal": name * 4, "plan": plan, "scores": scores})


def opened(file: Path) -> tuple[float, float, int]:
    """Return the milliseconds of opening a page and of sorting all its tables, and how many lines these have."""
    from playwright.sync_api import sync_playwright

    chromium = next(found for name in ("chromium", "google-chrome") if (found := shutil.which(name)))
    loads, sorts = [], []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        for _ in range(TIMES):
            page.goto("about:blank")
            page.goto(f"{file.as_uri()}#budget=any")
            loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            sorts.append(page.evaluate(PRESS))
        lines = page.evaluate("document.querySelectorAll('tr').length")
        browser.close()
    return statistics.median(loads), statistics.median(sorts), lines


PRESS = """() => {
    const button = [...document.querySelectorAll("thead button")].find((each) => each.textContent === "B");
    const start = performance.now();
    button.click();
    document.body.getBoundingClientRect();
    return performance.now() - start;
}"""


def whole(source: Source, folder: Path) -> None:
    """Build a site, and print what it took and how its largest board opens."""
    start = time.perf_counter()
    work = time.process_time()
    done = build(source, folder)
    seconds, work = time.perf_counter() - start, time.process_time() - work
    largest = max(file.stat().st_size for file in folder.rglob("*.html"))
    size = f"{done.files} files, {done.size / (1 << 20):.1f} MiB, largest page {_kb(largest)}"
    print(f"built {size}, in {seconds:.1f} s ({work:.1f} s of a core)")
    told(max(folder.glob("boards/*.html"), key=lambda file: file.stat().st_size))


def page_alone(source: Source, folder: Path) -> None:
    """Write the page of the first board, and print how it opens."""
    (folder / "boards").mkdir(parents=True, exist_ok=True)
    for name in (STYLE, SCRIPT):
        shutil.copy(TEMPLATES / name, folder / name)
    file = folder / board_page(source.boards[0])
    file.write_text(board_html(source.boards[0]), encoding="utf-8")
    told(file)


def told(file: Path) -> None:
    """Print how large a page is, and how long it takes to be opened and sorted."""
    load, sort, lines = opened(file)
    print(f"  {file.name}, {_kb(file.stat().st_size)}, {lines} lines: opens in {load:.0f} ms, sorts in {sort:.0f} ms")


def _kb(size: int) -> str:
    return f"{size / 1000:.0f} kB"


def main() -> None:
    """Print both sites."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--to", type=Path, help="Keep the sites below this folder.")
    asked = parser.parse_args()
    catalog = Catalog.load()
    with tempfile.TemporaryDirectory() as spare:
        folder = asked.to or Path(spare)
        start = time.perf_counter()
        shipped = open_source(published_root(), catalog)
        print(f"read {len(shipped.files)} records in {time.perf_counter() - start:.1f} s")
        whole(shipped, folder / "shipped")
        made, count = synthetic(asked.records, catalog)
        print(f"{count} synthetic records")
        page_alone(made, folder / "synthetic")


if __name__ == "__main__":
    main()
