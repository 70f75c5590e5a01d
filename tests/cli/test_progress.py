"""Progress is foreign text too: an attack names what it is doing."""

from __future__ import annotations

import pytest

from gexbench.cli.progress import Ticker


def test_what_an_attack_says_it_does_is_harmless_and_short(capsys: pytest.CaptureFixture[str]) -> None:
    with Ticker() as ticker:
        ticker.tick("train\x1b[2Jing [/bold]", 0, 1)
        ticker.tick("x" * 10_000, 0, 1)
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "ing [/bold] …" in told
    assert max(map(len, told.splitlines())) < 70


def test_no_more_stages_are_shown_than_a_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    with Ticker() as ticker:
        for number in range(3000):
            ticker.tick(f"stage {number}", 0, 1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 60
    assert lines[-1] == "others …"
