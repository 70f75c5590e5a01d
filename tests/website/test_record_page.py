from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
import typer
from record_factory import Records, changed
from site_reader import Read, html

from gexbench.cli.app import app
from gexbench.plan import Request, resolve
from gexbench.site.record_page import commands, record_html
from gexbench.site.source import Source

MakeSource = Callable[..., Source]


def asked(text: str) -> Request:
    """Return what a `gexbench run` asks for."""
    words = shlex.split(text)
    command = typer.main.get_command(app)
    assert words[:2] == ["gexbench", "run"]
    found = command.commands["run"].make_context("run", words[2:]).params  # type: ignore[attr-defined]
    return Request(
        found["task"],
        found["attack"],
        found["defense"],
        found["profile"],
        found["budget"],
        found["seed"],
        tuple(found["set_"] or ()),
        tuple(found["set_defense"] or ()),
        victim=found["victim"],
        dataset=found["dataset"],
    )


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"seed": 2, "budget": "50", "settings": ("steps=100", "lr=0.5")},
        {"defense": "jpeg", "defense_settings": ("quality=10",)},
    ],
)
def test_the_command_on_the_page_gives_the_plan_again(
    request_: dict[str, object], source_of: MakeSource, records: Records
) -> None:
    run = records.make(**request_)
    source_of([run])
    again, _ = commands(run, "a.json")
    assert resolve(asked(again), records.catalog, records.identity).id == run.id


def test_the_record_is_verified_where_it_lies_on_its_board(source_of: MakeSource, records: Records) -> None:
    run = records.make()
    board = source_of([run]).boards[0]
    assert f"gexbench verify leaderboards/sr/records/{run.run_name}.json" in record_html(
        board, board.tables[0], run, False
    )


def test_a_page_tells_scores_costs_account_environment_and_seal(found: dict[str, Read], many: Source) -> None:
    run = next(r for r in many.boards[0].records if r.plan.defense and r.plan.defense.name == "mark")
    words = found[f"records/{run.run_name}.html"].words
    told = ("22.00", "0.0500", "answered and paid 100", "1.00 USD", "processor cpu", "torch 2.11", run.seal, run.id)
    for text in told:
        assert text in words, text
    assert "Submitted, not yet verified" in words
    assert "Incidents None." in words
    assert "verdict found" in words


def test_a_signed_record_says_so(many: Source) -> None:
    board = many.boards[0]
    signed = replace(board, verified=frozenset({board.records[0].seal}))
    place = f"records/{board.records[0].run_name}.html"
    page = html(Source((signed,), many.catalog, many.files))[place]
    assert "verified: a maintainer ran it again and signed" in page.words


def test_what_the_attack_reported_and_what_was_absent_stand_there(source_of: MakeSource, records: Records) -> None:
    run = changed(changed(records.make(), "attack_report", {"epochs": 7}), "absent", {"fid": "weights are not here"})
    page = html(source_of([run]))[f"records/{run.run_name}.html"]
    assert "epochs 7" in page.words
    assert "fid weights are not here" in page.words
