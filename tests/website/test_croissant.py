from __future__ import annotations

import csv
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gexbench.boards.frame import COLUMNS
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import DatasetCard
from gexbench.site.croissant import CONFORMS, of_card

CARDS = [filed.card for filed in Catalog((packaged_root(),)).all(DatasetCard).values()]


def test_the_records_are_described_with_the_hash_of_their_table(site: dict[str, bytes]) -> None:
    told: dict[str, Any] = json.loads(site["data/croissant.json"])
    table = site["data/scores.csv"]
    assert told["conformsTo"][0] == CONFORMS
    assert told["distribution"][0]["sha256"] == sha256(table).hexdigest()
    columns = next(csv.reader(io.StringIO(table.decode())))
    assert [field["source"]["extract"]["column"] for field in told["recordSet"][0]["field"]] == columns == list(COLUMNS)
    assert {key for key in told if key.startswith("rai:")} >= {
        "rai:dataLimitations",
        "rai:personalSensitiveInformation",
    }


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_data_set_is_described_with_licence_source_and_splits(card: DatasetCard) -> None:
    told = json.loads(of_card(card))
    assert told["license"]
    assert [part["name"] for part in told["distribution"]] == list(card.splits.named())
    assert all(part["includes"] for part in told["distribution"])
    assert "\n" not in "".join(told[key] for key in ("license", "description", "rai:dataCollection"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlcroissant_takes_all_of_it(site: dict[str, bytes], tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    (tmp_path / "scores.csv").write_bytes(site["data/scores.csv"])
    (tmp_path / "croissant.json").write_bytes(site["data/croissant.json"])
    found = croissant.Dataset(tmp_path / "croissant.json")
    assert not found.metadata.ctx.issues.errors
    assert not found.metadata.ctx.issues.warnings
    row = next(iter(found.records("scores")))
    assert row["scores/task"] == b"sr"
    for card in CARDS:
        file = tmp_path / f"{card.name}.json"
        file.write_text(of_card(card), "utf-8")
        issues = croissant.Dataset(file).metadata.ctx.issues
        assert not issues.errors, card.name
