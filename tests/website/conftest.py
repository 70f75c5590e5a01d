from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image
from record_factory import Records, owned, save, write_registry
from site_reader import Read, read

from gexbench.boards.folder import add
from gexbench.record import RunRecord
from gexbench.site.build import pages
from gexbench.site.source import SHEET, Source, open_source

MakeSource = Callable[..., Source]
IMAGES = """
    name = "images"
    summary = "An image of a service."
    date = "2026-05-25"
    thousand_images = 3.0
    source = "A. Author, arXiv 2104.12623"
    url = "https://example.org/pricing"
"""
MACHINE = """
    name = "hour"
    summary = "An hour of a machine."
    date = "2026-10-07"
    hour = 1.59
    teraflops = 20.0
    source = "its page"
    url = "https://example.org/machines"
"""


def write_prices(registry: Path) -> None:
    """Write the price of images and the price of an hour into a registry."""
    (registry / "prices").mkdir()
    (registry / "prices" / "images.toml").write_text(IMAGES, "utf-8")
    (registry / "prices" / "hour.toml").write_text(MACHINE, "utf-8")


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """Return a maker of records on a small registry."""
    return Records(write_registry(tmp_path / "registry"))


@pytest.fixture
def source_of(records: Records, tmp_path: Path) -> MakeSource:
    """Return a function that puts records on boards and opens these."""
    return lambda runs, pictures=(): opened(records, tmp_path, runs, pictures)


def opened(records: Records, folder: Path, runs: Sequence[RunRecord], pictures: Sequence[Path] = ()) -> Source:
    """Put records on boards below a folder, and open these."""
    add([save(run, folder / "runs") for run in runs], folder / "boards", records.catalog)
    return open_source(folder / "boards", records.catalog, pictures)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Return a site of two attacks, controls, two budgets, two defenses, one of which claims, and contact sheets."""
    folder = tmp_path_factory.mktemp("many")
    made = Records(write_registry(folder / "registry"))
    write_prices(made.folder)
    runs = made.seeds((27.0, 27.1, 27.2)) + made.seeds((25.0, 25.1, 25.4), attack="copycat")
    runs += made.seeds((24.0, 24.1, 24.2), budget="50")
    runs += [made.make("bicubic", b=20.0, seed=seed) for seed in range(3)]
    runs += [made.make("victim", seed=seed) for seed in range(3)]
    runs += made.seeds((26.0, 26.1, 26.2), defense="jpeg")
    runs += made.seeds((23.0, 23.2, 23.1), defense="jpeg", defense_settings=("quality=10",))
    runs += [owned(run, 40.0, [1.0, 2.0, 3.0], p=0.001) for run in made.seeds((22.0, 22.1, 22.2), defense="mark")]
    runs += made.seeds((26.0,), settings=("steps=100",))
    for run in runs[:4]:
        Image.new("RGB", (640, 200), (40, 90, 40 * run.plan.seed)).save(save(run, folder / "runs") / SHEET)
    return opened(made, folder, runs, [folder / "runs"])


@pytest.fixture(scope="session")
def site(many: Source) -> dict[str, bytes]:
    """Return every file of that site."""
    return dict(pages(many))


@pytest.fixture(scope="session")
def found(site: dict[str, bytes]) -> dict[str, Read]:
    """Return every page of that site as a browser reads it."""
    return {place: read(content.decode()) for place, content in site.items() if place.endswith(".html")}
