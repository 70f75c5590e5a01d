"""SECURITY.md says what tests keep, of every cheat."""

from __future__ import annotations

import re

import pytest
from security_table import PAGE, ROOT, Kind, functions, kinds, with_table


def test_the_page_has_the_table_as_it_is_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "python tests/security_table.py"


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.cheating[:40])
def test_what_is_said_of_a_kind_of_cheating_is_kept_by_tests_that_are_there(kind: Kind) -> None:
    assert kind.tests
    for test in kind.tests:
        file, _, name = test.partition("::")
        assert name in functions(file), test


def test_every_cheat_among_the_plug_ins_is_run_by_a_test_of_the_table() -> None:
    cheats = {
        path.stem for folder in ("attacks", "defenses") for path in (ROOT / "tests/cheats" / folder).glob("*.toml")
    }
    files = {test.partition("::")[0] for kind in kinds() for test in kind.tests}
    text = "".join((ROOT / "tests" / file).read_text(encoding="utf-8") for file in files)
    run = set(re.findall(r"[\"'/](\w[\w-]*)[\"']", text))
    assert cheats
    assert cheats <= run, cheats - run
