from __future__ import annotations

import json
from pathlib import Path

import pytest
from record_factory import Records, changed, save

from gexbench.boards.folder import BoardFolder, add, captured
from gexbench.boards.publish import folders, open_board
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog, Filed
from gexbench.cards.roots import CardRoot
from gexbench.errors import BoardError, CardError
from gexbench.record import RunRecord, read_record, seal_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "leaderboards"


def folder(records: Records, root: Path) -> BoardFolder:
    return BoardFolder(records.catalog.get(BoardCard, "sr"), root / "sr")


def test_a_record_is_copied_to_the_board_of_its_task(records: Records, root: Path, tmp_path: Path) -> None:
    record = records.make()
    added = add([save(record, tmp_path / "runs")], root, records.catalog)
    assert added.written == (root / "sr" / "records" / f"{record.plan.run_name}.json",)
    assert read_record(added.written[0]) == record


def test_a_record_that_an_earlier_version_wrote_keeps_its_seal(records: Records, root: Path, tmp_path: Path) -> None:
    file = save(records.make(), tmp_path / "runs") / "record.json"
    data = json.loads(file.read_text())
    for scale in data["plan"]["task"]["profile"].values():
        del scale["extra_metrics"]
    data["seal"] = seal_of(data)
    file.write_text(json.dumps(data))
    (written,) = add([file], root, records.catalog).written
    assert read_record(written).seal == data["seal"]
    assert len(folder(records, root).read(records.catalog).entries) == 1


def test_a_record_file_does_as_well_as_its_run_folder(records: Records, root: Path, tmp_path: Path) -> None:
    run = save(records.make(), tmp_path / "runs")
    assert len(add([run / "record.json"], root, records.catalog).written) == 1


def test_adding_a_record_again_changes_nothing(records: Records, root: Path, tmp_path: Path) -> None:
    run = save(records.make(), tmp_path / "runs")
    first = add([run, run], root, records.catalog)
    before = first.written[0].stat().st_mtime_ns
    assert first.already == ()
    again = add([run], root, records.catalog)
    assert (again.written, again.already) == ((), first.written)
    assert first.written[0].stat().st_mtime_ns == before


def test_one_refused_record_keeps_all_from_being_added(records: Records, root: Path, tmp_path: Path) -> None:
    good = save(records.make(), tmp_path / "good")
    bad = save(changed(records.make(seed=1), "isolation", "none"), tmp_path / "bad")
    with pytest.raises(BoardError, match="1 of 2 records refused, nothing was added") as refused:
        add([good, bad], root, records.catalog)
    assert f"{bad}: it was run with --isolation none" in str(refused.value)
    assert not root.exists()


def test_records_added_together_are_compared_with_each_other(records: Records, root: Path, tmp_path: Path) -> None:
    first = save(records.make(), tmp_path / "runs")
    second = save(changed(records.make("copycat"), "provenance.dataset", "other"), tmp_path / "runs")
    with pytest.raises(BoardError, match="hash of the data set's files is other, not files-hash"):
        add([first, second], root, records.catalog)


def test_a_record_is_compared_with_those_on_the_board(records: Records, root: Path, tmp_path: Path) -> None:
    add([save(records.make(), tmp_path / "runs")], root, records.catalog)
    rerun = save(records.make(b=29.0), tmp_path / "again")
    with pytest.raises(BoardError, match="an accepted record is never changed"):
        add([rerun], root, records.catalog)


def test_an_unsandboxed_record_is_taken(records: Records, root: Path, tmp_path: Path) -> None:
    run = save(changed(records.make(), "isolation", "process"), tmp_path / "runs")
    assert len(add([run], root, records.catalog).written) == 1


def test_an_edited_record_is_refused(records: Records, root: Path, tmp_path: Path) -> None:
    file = save(records.make(b=27.0), tmp_path / "runs") / "record.json"
    file.write_text(file.read_text(encoding="utf-8").replace("27.0", "28.0"), encoding="utf-8")
    with pytest.raises(BoardError, match="changed after it was written"):
        add([file], root, records.catalog)


def test_a_task_without_a_board_is_refused(records: Records, root: Path, tmp_path: Path) -> None:
    run = save(changed(records.make(), "plan.task.version", 2), tmp_path / "runs")
    with pytest.raises(BoardError, match="no board takes records of sr@2") as refused:
        add([run], root, records.catalog)
    assert refused.value.hint


def test_what_is_no_record_is_skipped_and_named(records: Records, root: Path, tmp_path: Path) -> None:
    save(records.make(), tmp_path / "runs")
    (tmp_path / "runs" / "notes").mkdir()
    added = add([tmp_path / "runs" / "*"], root, records.catalog)
    assert (len(added.written), added.skipped) == (1, (f"{tmp_path}/runs/notes: no run folder",))


def test_skipping_lets_no_bad_record_through(records: Records, root: Path, tmp_path: Path) -> None:
    save(records.make(), tmp_path / "runs")
    save(changed(records.make(seed=1), "isolation", "none"), tmp_path / "runs")
    (tmp_path / "runs" / "notes").mkdir()
    with pytest.raises(BoardError, match="1 of 2 records refused, nothing was added"):
        add([tmp_path / "runs" / "*"], root, records.catalog)
    assert not root.exists()


def test_a_folder_without_a_record_is_refused(records: Records, root: Path, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="none of this is a record"):
        add([tmp_path], root, records.catalog)


def test_a_record_put_in_the_folder_by_hand_is_checked_when_read(records: Records, root: Path) -> None:
    board = folder(records, root)
    failed = changed(records.make(), "status", "failed")
    board.place(failed).parent.mkdir(parents=True)
    board.place(failed).write_text(failed.model_dump_json(), encoding="utf-8")
    with pytest.raises(BoardError, match=r"srresnet.*cannot stand on the board 'sr': its run failed"):
        board.read(records.catalog)


def drop(record: RunRecord, board: BoardFolder) -> None:
    """Put a record into the board's folder past `board add`."""
    board.place(record).parent.mkdir(parents=True, exist_ok=True)
    board.place(record).write_text(record.model_dump_json(), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("id", "0" * 16, "its id is not the one its plan gives"),
        ("plan.victim.net", {"blocks": 1}, "VictimCard 'net' is not this gexbench's; they differ in net"),
        ("plan.attack.entry", "mine:A", "AttackCard 'srresnet' is not this gexbench's"),
        ("plan.budget", 70, "its ledger says|its budget of 70 is not one of the task's"),
        ("isolation", "none", "--isolation none"),
        ("incidents", ("opened a socket",), "opened a socket"),
    ],
)
def test_what_could_not_be_added_cannot_be_dropped_in_either(
    records: Records, root: Path, path: str, value: object, why: str
) -> None:
    board, forged = folder(records, root), changed(records.make(), path, value)
    forged = forged if path == "id" else changed(forged, "id", forged.plan.id)
    drop(forged, board)
    with pytest.raises(BoardError, match=f"{board.place(forged).name} cannot stand on the board 'sr': .*({why})"):
        board.read(records.catalog)


def with_installed_board(records: Records, tmp_path: Path) -> Catalog:
    """Return the catalog with a plug-in that has a board of the registry's task."""
    card = tmp_path / "plug-in" / "boards" / "a.toml"
    card.parent.mkdir(parents=True)
    text = (records.folder / "boards" / "sr.toml").read_text(encoding="utf-8")
    card.write_text(text.replace('name = "sr"', 'name = "zoe/a"'), encoding="utf-8")
    return Catalog((*records.catalog.roots, CardRoot(tmp_path / "plug-in", "plug-in zoe")))


def test_a_board_of_another_root_does_not_take_the_registrys_records(
    records: Records, root: Path, tmp_path: Path
) -> None:
    catalog, run = with_installed_board(records, tmp_path), save(records.make(), tmp_path / "runs")
    assert add([run], root, catalog).written[0].parent == root / "sr" / "records"
    assert [each.card.name for each in folders(None, root, catalog)] == ["sr"]
    with pytest.raises(CardError, match=r"a\.toml: the task sr@1 is not this root's"):
        folders("zoe/a", root, catalog)


def test_the_root_of_all_boards_is_above_a_board_with_a_namespace(records: Records, root: Path) -> None:
    card = records.catalog.get(BoardCard, "sr")
    named = card.model_copy(update={"name": "zoe/a"})
    assert BoardFolder(card, root / "sr").root == BoardFolder(named, root / "zoe" / "a").root == root


def test_a_copy_under_another_name_does_not_count_twice(records: Records, root: Path, tmp_path: Path) -> None:
    (written,) = add([save(records.make(), tmp_path / "runs")], root, records.catalog).written
    (written.parent / "zz.json").write_bytes(written.read_bytes())
    with pytest.raises(BoardError, match=f"it is a copy of {written.name}"):
        folder(records, root).read(records.catalog)


def test_of_one_refused_record_no_number_is_told(records: Records, root: Path, tmp_path: Path) -> None:
    bad = save(changed(records.make(), "isolation", "none"), tmp_path / "bad")
    with pytest.raises(BoardError) as refused:
        add([bad], root, records.catalog)
    assert str(refused.value).startswith(f"{bad}: it was run")


def test_a_board_keeps_records_of_an_earlier_version_of_their_attack_and_takes_no_new_ones(
    records: Records, root: Path, tmp_path: Path
) -> None:
    first, second = records.make(), records.make(seed=1)
    add([save(first, tmp_path / "runs")], root, records.catalog)
    card = records.folder / "attacks" / "srresnet.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("summary", "version = 2\nsummary"), encoding="utf-8")
    assert [entry.record for entry in folder(records, root).read(records.catalog).entries] == [first]
    with pytest.raises(BoardError, match="they differ in version"):
        add([save(second, tmp_path / "runs")], root, records.catalog)


def test_a_board_of_a_new_version_keeps_the_records_of_a_profile_that_stayed_as_it_was(
    records: Records, root: Path, tmp_path: Path
) -> None:
    small, paper, late = records.make(), records.make(profile="paper"), records.make(profile="paper", seed=1)
    add([save(record, tmp_path / "runs") for record in (small, paper)], root, records.catalog)
    rewrite(records, "tasks", 'kind = "image', 'version = 2\nkind = "image')
    rewrite(records, "tasks", "budgets = [50, 100]", "budgets = [50, 200]")
    rewrite(records, "boards", "sr@1", "sr@2")
    with pytest.raises(BoardError, match="sr@1; the board 'sr' takes sr@2"):
        folder(records, root).read(records.catalog)
    rewrite(records, "boards", "columns", "since = { mini = 1, paper = 1 }\n        columns")
    with pytest.raises(BoardError, match="TaskCard 'sr' is not this gexbench's; they differ in profile"):
        folder(records, root).read(records.catalog)
    (root / "sr" / "records" / f"{small.plan.run_name}.json").unlink()
    added = add([save(records.make("copycat", profile="paper"), tmp_path / "runs")], root, records.catalog)
    board = open_board(folder(records, root), records.catalog)
    assert len(added.written) == 1
    assert {record.plan.task.version for record in board.records} == {1, 2}
    assert len(board.tables) == 1
    with pytest.raises(BoardError, match="they differ in version"):
        add([save(late, tmp_path / "runs")], root, records.catalog)


def rewrite(records: Records, kind: str, old: str, new: str) -> None:
    card = records.folder / kind / "sr.toml"
    card.write_text(card.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("task", "task_in", "board_in", "own"),
    [
        ("zoe/t", "zoe", "zoe", True),
        ("zoe/t", "zoe", "max", False),
        ("zoe/t", None, "zoe", True),
        ("sr", None, "zoe", False),
        ("t", None, "zoe", False),
    ],
)
def test_a_board_from_outside_is_of_a_task_with_a_namespace_that_lies_beside_it(
    records: Records, tmp_path: Path, task: str, task_in: str | None, board_in: str, own: bool
) -> None:
    outside = {name: CardRoot(tmp_path / name, f"plug-in {name}") for name in ("zoe", "max")}
    if task_in:
        (tmp_path / task_in / "tasks").mkdir(parents=True)
        text = (records.folder / "tasks" / "sr.toml").read_text(encoding="utf-8").replace('"sr"', f'"{task}"', 1)
        (tmp_path / task_in / "tasks" / "t.toml").write_text(text, encoding="utf-8")
    card = records.catalog.get(BoardCard, "sr").model_copy(update={"name": f"{board_in}/b", "task": f"{task}@1"})
    filed = Filed(card, outside[board_in], tmp_path / "b.toml")
    assert (captured(filed, Catalog((*records.catalog.roots, *outside.values()))) == "") is own


def test_records_dropped_in_by_hand_are_compared_with_each_other(records: Records, root: Path) -> None:
    board = folder(records, root)
    drop(records.make(), board)
    drop(changed(records.make("copycat"), "provenance.dataset", "other"), board)
    with pytest.raises(BoardError, match="hash of the data set's files"):
        board.read(records.catalog)


def test_a_refused_record_is_nothing_that_others_are_compared_with(
    records: Records, root: Path, tmp_path: Path
) -> None:
    other = changed(records.make("copycat"), "provenance.dataset", "other")
    bad = save(changed(other, "isolation", "none"), tmp_path / "bad")
    with pytest.raises(BoardError, match="1 of 2 records refused"):
        add([bad, save(records.make(), tmp_path / "good")], root, records.catalog)
