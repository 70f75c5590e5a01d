from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from record_factory import Records, changed, save

from gexbench.errors import BoardError
from gexbench.site.build import pages
from gexbench.site.source import SHEET, Source

MakeSource = Callable[..., Source]


def pictured(folder: Path) -> Path:
    Image.new("RGB", (8, 8)).save(folder / SHEET)
    return folder


def test_a_picture_is_taken_where_the_very_record_lies_beside_it(
    source_of: MakeSource, records: Records, tmp_path: Path
) -> None:
    run, other = records.make(), records.make(seed=1)
    pictured(save(run, tmp_path / "mine"))
    pictured(save(changed(other, "started", "2026-02-02T00:00:00+00:00"), tmp_path / "mine"))
    source = source_of([run, other], [tmp_path / "mine"])
    assert set(source.pictures) == {run.run_name}
    assert f"pictures/{run.run_name}.png" in dict(pages(source))


def test_what_is_no_png_is_refused(source_of: MakeSource, records: Records, tmp_path: Path) -> None:
    run = records.make()
    (save(run, tmp_path / "mine") / SHEET).write_text("<svg onload=alert(1)>")
    with pytest.raises(BoardError, match="no PNG"):
        dict(pages(source_of([run], [tmp_path / "mine"])))


def test_a_folder_of_runs_that_is_not_there_is_named(source_of: MakeSource, records: Records, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"no folder .*nowhere"):
        source_of([records.make()], [tmp_path / "nowhere"])


def test_a_card_that_left_the_catalog_has_a_page_by_its_records(source_of: MakeSource, records: Records) -> None:
    source = source_of([records.make()])
    (records.folder / "metrics" / "lpips-alex.toml").unlink()
    source = Source(source.boards, records.catalog, source.files)
    cards = {kind.__name__: set(cards) for kind, cards in source.cards.items()}
    assert cards["AttackCard"] == {"srresnet", "copycat", "bicubic", "victim"}
    assert cards["MetricCard"] == {"psnr-y", "lpips-alex"}
    assert cards["DefenseCard"] == {"jpeg", "mark"}
