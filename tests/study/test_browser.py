"""A page of a study in a real browser: needs playwright, Chromium on the path and, for accessibility, axe-core.

What brings them is said in tests/website/test_browser.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_factory import WISH

from gexbench.study.answers import faults, read_answers
from gexbench.study.design import orders
from gexbench.study.key import PAGES
from gexbench.study.pages import Made

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
AXE = Path(os.environ.get("GEXBENCH_AXE", "."), "node_modules", "axe-core", "axe.min.js")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium on the path")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a browser; inside a container of root it has no sandbox of its own."""
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield made
        made.close()


@pytest.fixture
def page(chromium: Any, folder: Path) -> Iterator[Any]:
    """Return the first page of a study; when the test ends it has complained of nothing and asked nobody."""
    context, wrongs = chromium.new_context(accept_downloads=True, bypass_csp=False), []
    opened = context.new_page()
    opened.on("console", lambda told: wrongs.append(f"console: {told.text}"))
    opened.on("pageerror", lambda error: wrongs.append(f"error: {error}"))
    ours = ("file:", "data:", "blob:")
    opened.on("request", lambda asked: wrongs.extend([asked.url] * (not asked.url.startswith(ours))))
    opened.goto((folder / PAGES / "page-1.html").as_uri())
    yield opened
    context.close()
    assert wrongs == []


def test_a_page_is_filled_in_by_keyboard_and_its_file_is_read(page: Any, made: Made, tmp_path: Path) -> None:
    group = made.key.groups[0]
    code = group.raters[2]
    order = orders(WISH.seed, group)[code]
    page.keyboard.press("Tab")
    page.keyboard.type(code.upper())
    page.keyboard.press("Enter")
    for position, place in enumerate(order, start=1):
        item = group.items[place]
        assert page.locator("#progress").inner_text() == f"{position} of {len(order)}"
        score = item.wanted or 3
        told = page.locator("#text").inner_text()
        assert told == (f"A check: please choose {score} here." if item.wanted else made.key.rules.question)
        assert page.locator("#pair").is_visible() != bool(item.wanted)
        if not item.wanted:
            widths = page.eval_on_selector_all("#pair img", "all => all.map(one => one.naturalWidth)")
            assert widths == [8, 8]
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        for _ in range(score - 1):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    with page.expect_download() as saved:
        page.click("#save")
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    assert path.name == f"answers-{code}.csv"
    (rater,) = read_answers([path], made.key, made.study)
    assert rater.code == code
    assert {rater.scores[i.id] for i in group.items if not i.wanted} == {3}
    assert [why for why in faults(rater, made.key) if "asked for" in why or "and then" in why] == []


def test_a_code_of_the_other_page_opens_nothing(page: Any, made: Made) -> None:
    page.fill("#code", made.key.groups[1].raters[0])
    page.keyboard.press("Enter")
    assert "does not know" in page.locator("#wrong").inner_text()
    assert page.locator("#ask").is_hidden()


def test_no_answer_is_no_step(page: Any, made: Made) -> None:
    page.fill("#code", made.key.groups[0].raters[0])
    page.keyboard.press("Enter")
    page.click("#ask button")
    assert page.locator("#progress").inner_text().startswith("1 of")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed")
def test_a_page_has_no_fault_of_accessibility(chromium: Any, folder: Path, made: Made) -> None:
    context = chromium.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto((folder / PAGES / "page-1.html").as_uri())
    page.add_script_tag(path=str(AXE))
    assert serious(page) == []
    page.fill("#code", made.key.groups[0].raters[0])
    page.keyboard.press("Enter")
    assert serious(page) == []
    context.close()


def serious(page: Any) -> list[str]:
    found = page.evaluate("axe.run()")["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]
