"""Every command of README and docs works for a stranger, and what is left out is named with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from doc_commands import commands, in_order

from .skipped import ENDS, SKIPPED
from .stranger import spent

SHOWN = {command.text for page in in_order() for command in commands(page)}


@pytest.mark.parametrize("table", [SKIPPED, ENDS], ids=["left out", "ends otherwise"])
def test_a_table_of_commands_names_none_that_no_page_shows(table: Mapping[str, Any]) -> None:
    assert sorted({*table} - SHOWN) == []
    assert all(table.values())


def test_what_is_left_out_has_no_exit_code() -> None:
    assert {*SKIPPED} & {*ENDS} == set()


def test_every_command_of_the_pages_does_for_a_stranger_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for needed in ("build", "hatchling"):
        pytest.importorskip(needed, reason="builds the wheel: pip install .[dev]")
    done = list(spent(tmp_path))
    with capsys.disabled():
        print(f"\n{len(done) - 1} commands in {sum(each.seconds for each in done):.0f} s: a stranger's first hour")
    assert len(done) - 1 == len(SHOWN - {*SKIPPED})
    assert "\n\n".join(f"{each.page}: {each.text}\n{each.told}" for each in done if not each.well) == ""
