"""What `gexbench show` prints of a record."""

from __future__ import annotations

from pathlib import Path

from record_factory import Records, behind_an_address, changed, honest_cost
from typer.testing import CliRunner

from gexbench.cli.app import app
from gexbench.record import Bill, RunRecord


def shown(record: RunRecord, file: str = "record.json") -> list[str]:
    Path(file).write_text(record.model_dump_json(), encoding="utf-8")
    return CliRunner().invoke(app, ["show", file], catch_exceptions=False).stdout.splitlines()


def test_the_gap_between_surrogate_and_victim_is_printed_for_each_test_split(records: Records) -> None:
    lines = shown(records.make(c=28.5))
    assert [line for line in lines if line.startswith("gap")] == [
        "gap       psnr-y on set5: C - A = -1.50 dB",
        "gap       psnr-y on set14: C - A = -1.50 dB",
    ]


def test_a_record_without_A_has_no_gap(records: Records) -> None:
    record = records.make()
    scores = tuple(score for score in record.scores if score.compare != "A")
    assert not any(line.startswith("gap") for line in shown(record.model_copy(update={"scores": scores}).sealed()))


def test_the_record_is_named_by_the_file_it_was_read_from(records: Records) -> None:
    assert shown(records.make(), "of-a-board.json")[-1] == "record    of-a-board.json"


def test_a_failed_run_shows_the_last_lines_of_the_attack_and_where_they_lie(records: Records) -> None:
    Path("log.txt").write_text("".join(f"line {n}\n" for n in range(9000)) + "\x1b[2J[red]ValueError: no\n")
    record = changed(changed(records.make(), "status", "failed"), "reason", "the attack raised ValueError: no")
    lines = shown(record)
    assert lines[1] == "It ended with 100 of 100 answers; the same command tries again, and these are paid for."
    assert "  | line 8999" in lines
    assert "  | ?[2J[red]ValueError: no" in lines
    assert "log       log.txt" in lines
    assert len([line for line in lines if line.startswith("  | ")]) == 12
    assert not any(line.startswith("  | ") for line in shown(records.make()))


def test_a_failed_run_names_the_stage_it_came_to(records: Records) -> None:
    record = changed(records.make(), "status", "failed")
    assert "It ended in the stage extract with" in "".join(
        shown(changed(record, "seconds", {"start": 1.0, "extract": 2.0}))
    )


def test_what_a_defense_costs_is_printed_for_the_test_and_for_the_attacks_own_questions(records: Records) -> None:
    record = changed(records.make(defense="jpeg"), "queried_cost", (honest_cost("queries", 64, 0.25),))
    assert [line for line in shown(record) if line.startswith("honest")] == [
        "honest    lpips-alex on set5: 0.0500 1 (defended against undefended)",
        "honest    lpips-alex on set14: 0.0500 1 (defended against undefended)",
        "honest    lpips-alex on 64 of the attack's own questions: 0.2500 1 (defended against undefended)",
    ]


def test_what_a_service_over_http_was_paid_is_printed(records: Records) -> None:
    def told(calls: int, tries: int) -> list[str]:
        bill = Bill(calls=calls, watched=4, tries=tries, price=0.0025, paid_usd=calls * 0.0025)
        lines = shown(behind_an_address(records.make()).model_copy(update={"bill": bill}).sealed())
        return [line for line in lines if line.startswith("paid")]

    assert told(140, 140) == ["paid      0.35 USD for 140 calls at 0.0025, 4 to watch it"]
    assert told(140, 142)[0].endswith("4 to watch it; 2 more got no answer and may have been charged")
    assert not [line for line in shown(records.make()) if line.startswith("paid")]
