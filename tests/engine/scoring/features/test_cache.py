"""The cache of features: rows that are there stay there, and what goes wrong with the file is said."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexbench.engine.scoring.features.cache import FeatureCache
from gexbench.errors import GexbenchError, OutputError

from ...processes import HANG

ROOT = Path(__file__).resolve().parents[4]
WIDTH = 4


def _key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def _keys(count: int, first: int = 0) -> list[bytes]:
    return [_key(number) for number in range(first, first + count)]


def _rows(count: int, first: int = 0) -> Tensor:
    return torch.arange(first * WIDTH, (first + count) * WIDTH, dtype=torch.float32).reshape(count, WIDTH) / 7


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a cache may lie."""
    return tmp_path / "features.sqlite"


@pytest.fixture(params=["file", "temporary"])
def cache(request: pytest.FixtureRequest, path: Path) -> FeatureCache:
    """Return an empty cache, in a file and in a temporary one."""
    return FeatureCache(path if request.param == "file" else None, WIDTH)


def test_rows_come_back_to_the_bit_in_the_order_asked_for(cache: FeatureCache) -> None:
    rows = _rows(3)
    rows[1] = torch.tensor([torch.finfo(torch.float32).tiny, -0.0, 1e38, 1 / 3])
    cache.put(_keys(3), rows)
    found = cache.rows([_key(2), _key(1), _key(0), _key(1)])
    assert found.dtype == torch.float32
    assert torch.equal(found.view(torch.int32), rows[[2, 1, 0, 1]].view(torch.int32))
    assert cache.rows([]).shape == (0, WIDTH)


def test_says_what_is_missing_among_many(cache: FeatureCache) -> None:
    assert cache.missing(_keys(3)) == set(_keys(3))
    cache.put(_keys(1300), _rows(1300))
    assert cache.missing([*_keys(1400), *_keys(1400)]) == set(_keys(100, first=1300))
    assert cache.missing([]) == set()


def test_a_row_put_twice_is_the_later_one(cache: FeatureCache) -> None:
    cache.put(_keys(1), _rows(1))
    cache.put(_keys(1), _rows(1, first=5))
    assert torch.equal(cache.rows(_keys(1)), _rows(1, first=5))


@pytest.mark.parametrize(
    "rows",
    [torch.zeros(2, WIDTH), torch.zeros(1, WIDTH + 1), torch.zeros(1, WIDTH, dtype=torch.float64), torch.zeros(WIDTH)],
    ids=["count", "width", "type", "rank"],
)
def test_rows_of_another_shape_or_type_are_refused(cache: FeatureCache, rows: Tensor) -> None:
    with pytest.raises(ValueError, match="1 images have features"):
        cache.put(_keys(1), rows)
    assert cache.missing(_keys(1)) == set(_keys(1))


def test_all_rows_of_a_put_are_kept_or_none(cache: FeatureCache) -> None:
    cache.put(_keys(1), _rows(1))
    with pytest.raises(OverflowError):
        cache.put([_key(1), 1 << 80], _rows(2))  # type: ignore[list-item]
    assert cache.missing(_keys(2)) == {_key(1)}
    cache.put(_keys(1, first=1), _rows(1, first=1))
    assert torch.equal(cache.rows(_keys(2)), _rows(2))


def test_rows_survive_closing(path: Path) -> None:
    first = FeatureCache(path, WIDTH)
    first.put(_keys(3), _rows(3))
    first.close()
    again = FeatureCache(path, WIDTH)
    assert again.missing(_keys(4)) == {_key(3)}
    assert torch.equal(again.rows(_keys(3)), _rows(3))


def test_rows_of_another_width_count_as_missing(path: Path) -> None:
    FeatureCache(path, WIDTH).put(_keys(1), _rows(1))
    wider = FeatureCache(path, 2 * WIDTH)
    assert wider.missing(_keys(1)) == set(_keys(1))
    wider.put(_keys(1), torch.ones(1, 2 * WIDTH))
    assert torch.equal(wider.rows(_keys(1)), torch.ones(1, 2 * WIDTH))


def test_connections_see_each_others_rows_at_once(path: Path) -> None:
    one, other = FeatureCache(path, WIDTH), FeatureCache(path, WIDTH)
    one.put(_keys(2), _rows(2))
    other.put(_keys(2, first=2), _rows(2, first=2))
    for cache in (one, other):
        assert torch.equal(cache.rows(_keys(4)), _rows(4))


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    code = (
        "import sys, torch, hashlib; from pathlib import Path\n"
        "from gexbench.engine.scoring.features.cache import FeatureCache\n"
        "cache, first = FeatureCache(Path(sys.argv[1]), 1), int(sys.argv[2])\n"
        "for k in range(first, first + 60):\n"
        "    cache.put([hashlib.sha256(str(k).encode()).digest()], torch.full((1, 1), float(k)))\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([*words, str(first)], env=env) for first in (0, 30)]
    assert [process.wait(timeout=HANG) for process in started] == [0, 0]
    found = FeatureCache(path, 1).rows(_keys(90))
    assert found.flatten().tolist() == [float(k) for k in range(90)]


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 40000])
def test_a_damaged_file_is_named_and_so_is_the_way_out(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(GexbenchError, match=f"{path} is damaged") as caught:
        FeatureCache(path, WIDTH).missing(_keys(1))
    assert caught.value.hint == f"delete {path}"
    path.unlink()
    assert FeatureCache(path, WIDTH).missing(_keys(1))


def test_a_file_damaged_in_the_middle_is_named(path: Path) -> None:
    cache = FeatureCache(path, WIDTH)
    cache.put(_keys(3000), _rows(3000))
    cache.close()
    content = bytearray(path.read_bytes())
    content[16384:] = b"\xff" * (len(content) - 16384)
    path.write_bytes(content)
    with pytest.raises(GexbenchError, match="is damaged") as caught:
        FeatureCache(path, WIDTH).rows(_keys(3000))
    assert caught.value.hint == f"delete {path}"


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot use the feature cache") as caught:
        FeatureCache(tmp_path / "gone" / "features.sqlite", WIDTH)
    assert caught.value.exit_code == 5
    assert "--no-cache" in caught.value.hint


def test_a_file_that_may_only_be_read_is_an_output_error(path: Path) -> None:
    cache = FeatureCache(path, WIDTH)
    cache.put(_keys(2), _rows(2))
    cache._base.execute("PRAGMA query_only = 1")
    with pytest.raises(OutputError, match=f"{path}: attempt to write a readonly database"):
        cache.put(_keys(1, first=2), _rows(1, first=2))
    assert torch.equal(cache.rows(_keys(2)), _rows(2))


def test_a_full_disk_is_an_output_error_that_says_so_and_keeps_what_was_there(path: Path) -> None:
    cache = FeatureCache(path, WIDTH)
    cache.put(_keys(2), _rows(2))
    (pages,) = cache._base.execute("PRAGMA page_count").fetchone()
    cache._base.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(OutputError, match="database or disk is full") as caught:
        cache.put(_keys(5000, first=2), _rows(5000, first=2))
    assert "free some space" in caught.value.hint
    assert cache.missing(_keys(5002)) == set(_keys(5000, first=2))
    cache._base.execute("PRAGMA max_page_count = 1000000")
    cache.put(_keys(5000, first=2), _rows(5000, first=2))
    assert torch.equal(cache.rows(_keys(5002)), _rows(5002))


def test_a_disk_that_fills_while_rows_are_written_keeps_what_was_there(
    path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    cache = FeatureCache(path, WIDTH)
    cache.put(_keys(2), _rows(2))
    with full_disk(100_000), pytest.raises(OutputError, match=r"cannot use the feature cache .*(full|disk I/O)"):
        cache.put(_keys(9000, first=2), _rows(9000, first=2))
    assert cache.missing(_keys(9002)) == set(_keys(9000, first=2))
    assert torch.equal(FeatureCache(path, WIDTH).rows(_keys(2)), _rows(2))


def test_a_file_that_stays_locked_is_an_output_error(path: Path) -> None:
    cache, other = FeatureCache(path, WIDTH), sqlite3.connect(path, isolation_level=None)
    cache._base.execute("PRAGMA busy_timeout = 50")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutputError, match="database is locked") as caught:
        cache.put(_keys(1), _rows(1))
    assert "wait for the other process" in caught.value.hint
    other.execute("ROLLBACK")
    other.close()
    cache.put(_keys(1), _rows(1))
    assert cache.missing(_keys(1)) == set()


def test_a_temporary_cache_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    cache = FeatureCache(None, WIDTH)
    cache.put(_keys(5000), _rows(5000))
    assert cache.missing(_keys(5001)) == {_key(5000)}
    cache.close()
    assert list(tmp_path.iterdir()) == []


def test_temporary_caches_share_nothing() -> None:
    FeatureCache(None, WIDTH).put(_keys(1), _rows(1))
    assert FeatureCache(None, WIDTH).missing(_keys(1)) == set(_keys(1))
