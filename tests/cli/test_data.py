"""`gexbench data`, on sets of a card of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .test_bad_input import gexbench

CARD = """
name = "mine/toy"
summary = "toy"
reader = "gexbench.datasets.photos:ScaledPhotos"
licence = "none"
pinned = false
[splits.owner]
within = "data"
files = ["own/*.png"]
[splits.pool]
within = "data"
files = ["pool/*.png"]
[splits.test.t]
within = "data"
files = ["t/*.png"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a registry of one card, `cards`, and its data, `data`."""
    (tmp_path / "cards/datasets").mkdir(parents=True)
    (tmp_path / "cards/datasets/toy.toml").write_text(CARD)
    for seed, name in enumerate(("own/a.png", "pool/a.png", "t/a.png", "t/b.png")):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / name)
    return tmp_path


def _verify(place: Path, *words: str) -> tuple[int, str]:
    command = ("data", "verify", "mine/toy", "--registry", "cards", *words)
    done = gexbench(*command, cwd=place, GEXBENCH_DATA=str(place / "data"))
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_a_whole_set_of_ones_own_registry_is_counted_by_split(place: Path) -> None:
    code, told = _verify(place)
    assert code == 0
    assert [line.split() for line in told.splitlines()] == [
        ["owner", "1", "file"],
        ["pool", "1", "file"],
        ["test/t", "2", "files"],
        ["mine/toy:", "complete"],
    ]


def test_all_that_is_wrong_is_told_at_once(place: Path) -> None:
    data = place / "data"
    (data / "own/a.png").write_text("<html>")
    (data / "pool/B.PNG").write_bytes((data / "t/b.png").read_bytes())
    (data / "t/c.png").write_bytes((data / "pool/a.png").read_bytes())
    code, told = _verify(place)
    assert code == 4
    assert "unreadable  " in told
    assert "a web page (HTML)" in told
    assert "misnamed   pool/B.PNG" in told
    assert "shared     t/c.png of test/t is the same picture as pool/a.png of pool" in told
    code, told = _verify(place, "--json")
    found = json.loads(told)
    assert (code, found["ok"], found["missing"]) == (4, False, [])
    assert [len(found[what]) for what in ("unreadable", "misnamed", "shared")] == [1, 1, 1]
    assert found["counts"] == {"owner": 1, "pool": 1, "test/t": 3}


def test_a_file_that_is_missing_is_looked_for_nearby(place: Path) -> None:
    (place / "data/pool").rename(place / "data/Pool")
    code, told = _verify(place)
    assert code == 4
    assert "missing    pool/*.png" in told
    assert "mine/toy: incomplete; Pool is there: rename it" in told


def test_list_goes_on_past_damaged_sets_and_names_them(place: Path) -> None:
    (place / "data/pool/a.png").unlink()
    (place / "data/pool").rmdir()
    (place / "data/pool.zip").write_bytes(b"PK\3\4 cut short")
    (place / "cards/datasets/pinned.toml").write_text(CARD.replace("mine/toy", "mine/pinned").replace("false", "true"))
    command = ("data", "list", "--registry", "cards", "--json")
    done = gexbench(*command, cwd=place, GEXBENCH_DATA=str(place / "data"))
    assert done.returncode == 0
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)["datasets"]}
    assert (states["mine/toy"], states["mine/pinned"], states["photos-mini"]) == ("damaged", "damaged", "here")
    assert "mine/pinned: cannot read the list of hashes" in done.stderr
