"""Progress is foreign text too: an attack names what it is doing."""

from __future__ import annotations

from functools import partial

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

import gexbench
from gexbench.cli import progress
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


def test_a_long_stage_says_how_far_it_is_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Ticker() as ticker:
        for done in range(100):
            now[0] += 1.0
            ticker.tick("training", done, 100)
        ticker.tick("resting", 3, 0)
        now[0] += 31.0
        ticker.tick("resting", 4, 0)
    told = capsys.readouterr().err.splitlines()
    assert told[:4] == ["training …", "training 30 of 100", "training 60 of 100", "training 90 of 100"]
    assert told[4:] == ["resting …", "resting 4"]


def test_a_stage_without_a_count_shows_no_time_that_is_left() -> None:
    shown = Progress(TextColumn("{task.description}"))
    counted, uncounted = shown.add_task("a", total=10), shown.add_task("b", total=None)
    told = [progress._Left().render(shown.tasks[number]).plain for number in (counted, uncounted)]
    assert told == ["eta -:--:--", ""]


def test_a_notebook_shows_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[bool] = []

    def bars(are: bool) -> Progress:
        shown.append(are)
        return Progress(disable=True)

    monkeypatch.setattr(progress, "Progress", lambda *_, **kept: bars(not kept["disable"]))
    for jupyter in (False, True):
        monkeypatch.setattr(progress, "Console", partial(Console, force_jupyter=jupyter))
        with gexbench.progress_bars() as tick:
            tick("training", 1, 2)
    assert shown == [False, True]
    assert capsys.readouterr().err.startswith("training …\n")
