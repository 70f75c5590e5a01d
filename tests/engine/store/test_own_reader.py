"""A reader of somebody's own: loaded where it is trusted, guarded, and never under another module's name."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import DatasetCard
from gexbench.engine.store.own_reader import load_reader
from gexbench.errors import CardError, DataMissing

CARD = """
name = "me/toy"
summary = "toy"
reader = "READER"
licence = "none"
pinned = false
[splits.pool]
within = "data"
files = ["pool/*.png"]
[splits.test.t]
within = "data"
files = ["t/*.png"]
"""
CODE = """
import torch
from gexbench.core.dataset import Split

class Mine:
    def __init__(self, settings, files):
        self.images = [torch.full((3, 8, 8), 0.5), torch.full((3, 8, 8), 1.5), "no image"]
    def owner(self): raise ValueError("no owner\\nhere")
    def style(self): return ()
    def pool(self): return Split(["a", "b", "c"], self.images, ())
    def tests(self): return {"t": self.pool()}
"""


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        if name.startswith("trusted_toy"):
            del sys.modules[name]


def cards(tmp_path: Path, reader: str = "trusted_toy:Mine", code: str = CODE) -> Path:
    (tmp_path / "cards/datasets").mkdir(parents=True, exist_ok=True)
    (tmp_path / "cards/datasets/toy.toml").write_text(CARD.replace("READER", reader))
    (tmp_path / "cards/trusted_toy.py").write_text(code)
    return tmp_path / "cards"


def load(folder: Path) -> tuple[str, Path]:
    return load_reader(Catalog.load([folder], trusted=True).filed(DatasetCard, "me/toy"))


def test_without_trust_the_card_is_refused_and_its_code_stays_where_it_is(tmp_path: Path) -> None:
    folder = cards(tmp_path, code=f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(CardError, match="would run beside the test data") as caught:
        Catalog.load([folder]).get(DatasetCard, "me/toy")
    assert "--trust" in caught.value.hint
    assert not (tmp_path / "ran").exists()


def test_a_trusted_reader_is_known_by_its_hash_and_puts_no_folder_on_the_path(tmp_path: Path) -> None:
    path = [*sys.path]
    digest, file = load(cards(tmp_path))
    assert digest == hashlib.sha256(CODE.encode()).hexdigest()
    assert file == tmp_path / "cards/trusted_toy.py"
    assert sys.path == path
    pool = load_entry("trusted_toy:Mine")({}, {}).pool()
    assert pool.names == ["a", "b", "c"]
    assert torch.equal(pool.inputs[0], torch.full((3, 8, 8), 0.5))


def test_what_is_no_image_and_what_a_reader_raises_are_one_line(tmp_path: Path) -> None:
    load(cards(tmp_path))
    dataset = load_entry("trusted_toy:Mine")({}, {})
    for index in (1, 2):
        with pytest.raises(DataMissing, match=f"gives no image number {index}"):
            dataset.tests()["t"].inputs[index]
    with pytest.raises(DataMissing, match="failed: ValueError: no owner") as caught:
        dataset.owner()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        ("json:Mine", "is no name for a module"),
        ("trusted_toy.inner:Mine", "is no name for a module"),
        ("trusted_toy_elsewhere:Mine", "no file trusted_toy_elsewhere.py beside the cards"),
        ("trusted_toy:Mien", "has no 'Mien'"),
    ],
)
def test_a_reader_that_is_not_beside_its_cards_is_refused(tmp_path: Path, reader: str, told: str) -> None:
    with pytest.raises(CardError, match=told):
        load(cards(tmp_path, reader))


def test_code_that_does_not_compile_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="failed: SyntaxError"):
        load(cards(tmp_path, code="def"))


def test_a_metric_of_ones_own_stays_refused_with_trust(tmp_path: Path) -> None:
    (tmp_path / "cards/metrics").mkdir(parents=True)
    (tmp_path / "cards/metrics/m.toml").write_text(
        'name = "me/m"\nsummary = "m"\nentry = "trusted_toy:Mine"\nunit = "1"\nhigher_is_better = true\n'
        'tolerance = 1.0\npreprocessing = "none"\nsource = "me"\n'
    )
    from gexbench.cards.schema import MetricCard

    with pytest.raises(CardError, match="would run beside the test data"):
        Catalog.load([tmp_path / "cards"], trusted=True).get(MetricCard, "me/m")
