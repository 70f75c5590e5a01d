from __future__ import annotations

import csv
import io
import json
import posixpath
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from record_factory import Records, changed
from site_reader import LOADS, Read, html, read

from gexbench.boards.flat import to_csv
from gexbench.cards.schema import AttackCard
from gexbench.errors import BoardError
from gexbench.record import RunRecord
from gexbench.site.build import SUMS, build, check, pages
from gexbench.site.card_page import card_html
from gexbench.site.source import Source

MakeSource = Callable[..., Source]
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) {{ 7 * 7 }} </title>'


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_records_give_the_same_bytes(many: Source, site: dict[str, bytes]) -> None:
    again = dict(pages(Source(many.boards, many.catalog, many.files, many.pictures)))
    assert list(again) == list(site)
    assert again == site


def test_a_second_build_writes_nothing(source_of: MakeSource, records: Records, tmp_path: Path) -> None:
    source = source_of([records.make()])
    first, second = build(source, tmp_path / "site"), build(source, tmp_path / "site")
    assert first.written == first.files > 20
    assert (second.written, second.removed, second.files) == (0, 0, first.files)
    assert check(source, tmp_path / "site").files == first.files


def test_what_an_earlier_build_left_is_removed(source_of: MakeSource, records: Records, tmp_path: Path) -> None:
    site, run = tmp_path / "site", records.make(seed=1)
    both = source_of([records.make(), run])
    build(both, site)
    both.files[run.run_name].unlink()
    assert build(source_of([records.make()]), site).removed == 3
    assert not (site / f"records/{run.run_name}.html").exists()


def test_a_folder_with_anything_else_is_refused_and_left_alone(
    source_of: MakeSource, records: Records, tmp_path: Path
) -> None:
    source = source_of([records.make()])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(BoardError, match=r"thesis\.tex"):
        build(source, tmp_path / "mine")
    assert set(files(tmp_path / "mine")) == {"thesis.tex"}


def test_a_list_of_files_that_lies_removes_nothing_elsewhere_and_nothing_changed(
    source_of: MakeSource, records: Records, tmp_path: Path
) -> None:
    source, site = source_of([records.make()]), tmp_path / "site"
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    build(source, site)
    (site / "old.html").write_text("changed by hand")
    digest = sha256(b"kept").hexdigest()
    with (site / SUMS).open("a") as sums:
        sums.write(f"{digest}  ../outside.txt\n{digest}  {outside}\n{digest}  old.html\n")
    build(source, site)
    assert outside.read_text() == "kept"
    assert (site / "old.html").read_text() == "changed by hand"


@pytest.mark.parametrize("harm", ["edited", "gone", "more"])
def test_check_names_what_is_not_fresh(harm: str, source_of: MakeSource, records: Records, tmp_path: Path) -> None:
    source, site = source_of([records.make()]), tmp_path / "site"
    build(source, site)
    page = site / ("boards/sr.html" if harm != "more" else "boards/new.html")
    page.unlink() if harm == "gone" else page.write_text("<p>better numbers")
    with pytest.raises(BoardError, match=f"boards/{page.name}"):
        check(source, site)


def test_the_list_of_files_is_of_all_files(source_of: MakeSource, records: Records, tmp_path: Path) -> None:
    site = tmp_path / "site"
    build(source_of([records.make()]), site)
    listed = {line.split("  ")[1] for line in (site / SUMS).read_text().splitlines()}
    assert listed == set(files(site)) - {SUMS}


def test_every_link_leads_to_a_place_that_is_there(site: dict[str, bytes], found: dict[str, Read]) -> None:
    for place, page in found.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            led = posixpath.normpath(posixpath.join(posixpath.dirname(place), target)) if target else place
            if not target.startswith("https://"):
                assert led in site, f"{place} leads to {link}"
                assert not anchor or anchor in found[led].ids, f"{place} leads to {link}"


def test_a_name_on_a_page_is_given_once(found: dict[str, Read]) -> None:
    for place, page in found.items():
        assert len(page.ids) == len(set(page.ids)), place


def test_no_page_loads_anything_from_elsewhere_or_runs_what_stands_on_it(found: dict[str, Read]) -> None:
    for place, page in found.items():
        loaded = [facts[key] for _, facts in page.elements for key in LOADS & facts.keys()]
        loaded += [facts["href"] for tag, facts in page.elements if tag == "link"]
        assert all(":" not in text and not text.startswith("//") for text in loaded), place
        assert not [key for _, facts in page.elements for key in facts if key.startswith("on") or key == "style"], place
        policy = next(facts["content"] for tag, facts in page.elements if tag == "meta" and "http-equiv" in facts)
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "//" not in policy
        scripts = [facts for tag, facts in page.elements if tag == "script"]
        assert all("src" in facts or facts.get("type") == "application/json" for facts in scripts), place


def hostile(record: RunRecord) -> RunRecord:
    """Return a record that says something nasty wherever foreign text is taken."""
    record = changed(record, "attack_report", {HOSTILE: HOSTILE})
    record = changed(record, "absent", {HOSTILE: HOSTILE})
    record = changed(record, "provenance.processor", HOSTILE)
    record = changed(record, "provenance.libraries", {HOSTILE: HOSTILE})
    for card in ("attack", "victim", "dataset"):
        for part in ("summary", "source"):
            record = changed(record, f"plan.{card}.{part}", HOSTILE)
    return changed(record, "plan.attack.note", HOSTILE)


def test_what_a_hostile_record_says_stays_text(source_of: MakeSource, records: Records) -> None:
    bad = hostile(records.make())
    source = source_of([bad])
    found = html(source)
    page = found[f"records/{bad.run_name}.html"]
    assert page.words.count("<script>alert(1)</script>") >= 4
    for place, each in found.items():
        tags = [tag for tag, _ in each.elements]
        assert tags.count("script") <= 2, place
        assert not [facts for _, facts in each.elements if "onerror" in facts], place
        assert not [link for link in each.links if link.lower().strip().startswith("javascript:")], place
        assert "49" not in each.words.replace("{{ 7 * 7 }}", "").split("7 * 7"), place


def test_what_an_options_value_says_stays_text(source_of: MakeSource, records: Records) -> None:
    card = records.folder / "attacks" / "evil.toml"
    option = '[options]\nnote = { type = "str", default = "", help = "\'\'" }'
    card.write_text(f'name = "evil"\nsummary = "An attack."\nentry = "gexbench.attacks.evil:A"\n{option}\n', "utf-8")
    says = "</script></title></svg></textarea><script>alert(1)</script>"
    runs = records.seeds((25.0, 25.1, 25.2), attack="evil", settings=(f"note={says}",)) + records.seeds((27.0, 27.1))
    runs += records.seeds((24.0, 24.1, 24.2), attack="evil", settings=(f"note={says}",), budget="50")
    found = html(source_of(runs))
    for place, page in found.items():
        assert [tag for tag, _ in page.elements].count("script") <= 2, place
    assert says in found["tables/sr/mini/100.html"].words


def test_what_the_card_of_a_plug_in_says_stays_text(source_of: MakeSource, records: Records) -> None:
    source = source_of([records.make()])
    card = source.cards[AttackCard]["srresnet"]
    bad = card.model_copy(update={"summary": HOSTILE, "source": f"arXiv 2104.12623 {HOSTILE}", "note": HOSTILE})
    page = read(card_html(source, bad))
    assert page.words.count("<script>alert(1)</script>") == 3
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "https://arxiv.org/abs/2104.12623" in page.links


def test_the_data_are_those_of_the_boards_own_files(many: Source, site: dict[str, bytes]) -> None:
    assert site["data/sr.csv"].decode() == to_csv(many.boards[0])
    assert json.loads(site["data/sr.json"])["scores"]
    rows = list(csv.DictReader(io.StringIO(site["data/scores.csv"].decode())))
    assert {row["path"] for row in rows} == {place for place in site if re.fullmatch(r"records/.*\.json", place)}
    assert len(rows) == sum(len(r.scores) + len(r.honest_cost) for r in many.boards[0].records)


def test_a_record_lies_in_the_site_as_it_lies_on_its_board(many: Source, site: dict[str, bytes]) -> None:
    for name, file in many.files.items():
        assert site[f"records/{name}.json"] == file.read_bytes()


def test_no_page_is_larger_than_300_kb(found: dict[str, Read], site: dict[str, bytes]) -> None:
    assert max(len(site[place]) for place in found) < 300_000
