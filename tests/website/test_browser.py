"""A site in a real browser: needs playwright, Chromium on the path and, for accessibility, axe-core.

`pip install playwright`, `apt-get install chromium`, and `npm install axe-core`, here or in the folder that
GEXBENCH_AXE names, bring them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records

from gexbench.site import board_page
from gexbench.site.build import build
from gexbench.site.source import Source

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
AXE = Path(os.environ.get("GEXBENCH_AXE", "."), "node_modules", "axe-core", "axe.min.js")
KINDS = (
    "index.html",
    "boards/sr.html",
    "tables/sr/mini/100.html",
    "attacks/srresnet.html",
    "metrics/index.html",
    "costs.html",
)
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="no Chromium on the path")]


@dataclass
class Opened:
    """A page of a site, and what it did that none of them may: complain, ask somebody, open a dialog."""

    page: Any
    site: Path
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda told: self.wrongs.append(f"console {told.type}: {told.text}"))
        self.page.on("pageerror", lambda error: self.wrongs.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.wrongs.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda asked: self.wrongs.extend([asked.url] * (not asked.url.startswith("file:"))))
        self.page.on("requestfailed", lambda asked: self.wrongs.append(f"not there: {asked.url}"))

    def go(self, place: str) -> Any:
        """Open a page of the site; what stands behind a # counts as another page."""
        self.page.goto("about:blank")
        self.wrongs.clear()
        self.page.goto(self.site.as_uri() + "/" + place)
        return self.page

    def texts(self, selector: str) -> list[str]:
        """Return the texts of what is shown of a selector."""
        return [each.inner_text().strip() for each in self.page.locator(selector).all() if each.is_visible()]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a browser; inside a container of root it has no sandbox of its own."""
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield made
        made.close()


@pytest.fixture(scope="module")
def folder(many: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site on the disk."""
    place = tmp_path_factory.mktemp("site")
    build(many, place)
    return place


@pytest.fixture
def opened(chromium: Any, folder: Path) -> Iterator[Opened]:
    """Return a page; when the test ends nothing wrong has happened on it."""
    context = chromium.new_context(viewport=DESK)
    made = Opened(context.new_page(), folder)
    yield made
    assert made.wrongs == []
    context.close()


def test_every_page_opens_without_a_complaint_and_fits_a_phone(chromium: Any, folder: Path) -> None:
    context = chromium.new_context(viewport=PHONE, color_scheme="dark")
    opened = Opened(context.new_page(), folder)
    for file in sorted(folder.rglob("*.html")):
        page = opened.go(file.relative_to(folder).as_posix())
        assert opened.wrongs == [], file.name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{file.name} is too wide"
    context.close()


@pytest.mark.skipif(not AXE.is_file(), reason=f"no {AXE}")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_serious(scheme: str, size: dict[str, int], chromium: Any, folder: Path) -> None:
    context = chromium.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    record = next(folder.glob("records/*mark*.html")).relative_to(folder).as_posix()
    for place in (*KINDS, record):
        page.goto(f"{folder.as_uri()}/{place}")
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run()")["violations"]
        bad = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")]
        assert bad == [], place
    context.close()


def until(page: Any, true: str) -> None:
    """Wait until an expression is true; a page allows no evaluation of its own."""
    for _ in range(100):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never {true}")


def names(opened: Opened) -> list[str]:
    return opened.texts("section.ranks:not([hidden]) >> nth=0 >> tbody th")


def test_a_heading_sorts_once_up_and_once_down_and_the_address_keeps_it(opened: Opened) -> None:
    page = opened.go("boards/sr.html")
    usual = names(opened)
    assert usual == ["srresnet", "copycat", "srresnet (steps=100)", "bicubic", "victim"]
    page.get_by_role("button", name="attack", exact=True).first.click()
    assert names(opened) == sorted(usual)
    assert page.locator("th[aria-sort=ascending]").first.inner_text().startswith("attack")
    page.get_by_role("button", name="attack", exact=True).first.click()
    assert names(opened) == sorted(usual, reverse=True)
    page.reload()
    assert names(opened) == sorted(usual, reverse=True)


def test_numbers_sort_by_their_size_and_what_is_none_comes_last(opened: Opened) -> None:
    page = opened.go("boards/sr.html")
    page.get_by_role("button", name="B", exact=True).first.focus()
    page.keyboard.press("Enter")
    assert names(opened) == ["bicubic", "copycat", "srresnet (steps=100)", "srresnet", "victim"]
    page.keyboard.press("Enter")
    assert names(opened)[-1] == "victim"


def test_filters_leave_what_was_asked_for_and_the_address_keeps_it(opened: Opened) -> None:
    page = opened.go("boards/sr.html")
    shown = "section.ranks:not([hidden]) > h3"
    assert len(opened.texts(shown)) == 4
    page.locator("select[name=defense]").select_option("jpeg (quality=10)")
    assert opened.texts(shown) == ["100 answers, against jpeg (quality=10) ranked budget"]
    assert page.locator("output").inner_text() == "1 row"
    page.locator("select[name=defense]").select_option("")
    page.locator("select[name=budget]").select_option("50")
    assert opened.texts(shown) == ["50 answers, no defense"]
    page.locator("select[name=budget]").select_option("")
    page.get_by_label("Attack or option").fill("STEPS=1")
    assert names(opened) == ["srresnet (steps=100)"]
    page.reload()
    assert names(opened) == ["srresnet (steps=100)"]
    page.get_by_label("Attack or option").fill("")
    page.get_by_label("controls").uncheck()
    assert "bicubic" not in names(opened)


def test_an_address_that_names_nothing_shows_no_more_than_there_is(opened: Opened) -> None:
    for behind in (
        "defense=<img src=x onerror=alert(1)>&sort=%3Cb%3E&profile=__proto__&q=",
        "%",
        "%E0%A4%A",
        "=",
        "&&=",
    ):
        opened.go(f"boards/sr.html#{behind}")
        assert opened.page.locator("output").inner_text().endswith(" rows")
        assert opened.wrongs == []


def test_columns_come_on_demand(opened: Opened) -> None:
    page = opened.go("boards/sr.html")
    few = opened.texts("section.ranks >> nth=0 >> thead th")
    page.get_by_label("all columns").check()
    many = opened.texts("section.ranks >> nth=0 >> thead th")
    assert few == ["rank", "attack", "B", "seeds", "marks"]
    assert {"95 % CI of B", "USD", "B set5", "status", "date", "by"} <= {*many}


def test_two_rows_are_compared_and_the_address_keeps_them(opened: Opened) -> None:
    page = opened.go("tables/sr/mini/100.html")
    data = json.loads(page.locator("#pairs").text_content())
    assert "different: A is better" in page.locator("#found").inner_text()
    page.locator("select[name=b]").select_option("bicubic")
    place = [data["rows"].index("srresnet"), data["rows"].index("bicubic")]
    pair = next(pair for pair in data["pairs"] if pair[:2] == place)
    assert opened.texts("#found dd") == ["srresnet", "bicubic", *(data["texts"][text] for text in pair[2:])]
    page.reload()
    assert opened.texts("#found dd")[1] == "bicubic"
    page.locator("select[name=a]").select_option("bicubic")
    assert page.locator("#found").inner_text() == "Choose two rows."


def test_contact_sheets_are_turned_by_buttons_and_by_keys(opened: Opened) -> None:
    page = opened.go("tables/sr/mini/100.html")
    at = "Math.round(document.querySelector('.flick').scrollLeft / document.querySelector('.flick').clientWidth)"
    page.get_by_role("button", name="next →").click()
    until(page, f"{at} === 1")
    page.locator(".flick").focus()
    page.keyboard.press("ArrowRight")
    until(page, f"{at} === 2")
    page.get_by_role("button", name="← previous").click()
    until(page, f"{at} === 1")
    assert page.evaluate("[...document.querySelectorAll('.flick img')].slice(0, 2).every((each) => each.naturalWidth)")


def test_latex_and_bibtex_can_be_taken_along(opened: Opened) -> None:
    page = opened.go("tables/sr/mini/100.html#bibtex")
    assert page.locator("#bibtex pre").is_visible(), "a link to what is folded opens it"
    page.locator("#bibtex").get_by_role("button").click()
    until(page, "document.querySelector('#bibtex button').textContent !== 'Copy'")


def test_a_row_is_linked_to_from_its_board(opened: Opened) -> None:
    page = opened.go("boards/sr.html")
    page.get_by_role("link", name="copycat").first.click()
    assert page.url.endswith("tables/sr/mini/100.html#row-copycat")
    assert page.locator("tr:target th").inner_text() == "copycat"


def test_a_board_of_many_rows_becomes_what_a_small_one_is(
    chromium: Any, folder: Path, many: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Opened(chromium.new_context(viewport=DESK).new_page(), folder)
    monkeypatch.setattr(board_page, "MOST_WIDE", 3)
    build(many, tmp_path)
    large = Opened(chromium.new_context(viewport=DESK).new_page(), tmp_path)
    rows = "section.ranks:not([hidden]) tbody tr"
    for behind in ("", "#budget=any&sort=-B", "#defense=jpeg&q=srres"):
        found, wanted = (each.go(f"boards/sr.html{behind}").locator(rows) for each in (large, small))
        assert found.all_inner_texts() == wanted.all_inner_texts() != []
        assert [each.get_attribute("class") or None for each in found.all()] == [
            each.get_attribute("class") for each in wanted.all()
        ]
        for each in ("th[scope=row] a", "td.b"):
            assert found.locator(each).all_inner_texts() == wanted.locator(f"{each}:visible").all_inner_texts()
    large.page.get_by_role("link", name="srresnet", exact=True).first.click()
    assert large.page.locator("tr:target th").inner_text() == "srresnet"
    assert large.wrongs == small.wrongs == []
    small.page.context.close()
    large.page.context.close()


def test_without_javascript_everything_stands_there(chromium: Any, folder: Path) -> None:
    context = chromium.new_context(viewport=DESK, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{folder.as_uri()}/boards/sr.html")
    assert page.locator("section.ranks").count() == page.locator("section.ranks:visible").count() == 5
    assert page.locator("section.ranks >> nth=0 >> th:visible", has_text="USD").count() == 1
    assert not page.locator("form").first.is_visible()
    context.close()


def test_what_a_hostile_record_says_does_nothing(chromium: Any, tmp_path: Path, records: Records) -> None:
    from website.conftest import opened as source_of
    from website.test_build import hostile

    run = hostile(records.make())
    build(source_of(records, tmp_path, [run]), tmp_path / "site")
    context = chromium.new_context()
    opened = Opened(context.new_page(), tmp_path / "site")
    for place in (f"records/{run.run_name}.html", "boards/sr.html", "attacks/srresnet.html", "victims/net.html"):
        opened.go(place).wait_for_timeout(50)
        assert opened.wrongs == []
    context.close()
