"""Every command in README and docs is one that exists; the light ones are run."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from doc_commands import commands, inline

import gexbench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard, MetricCard, TaskCard, VictimCard
from gexbench.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LIGHT = ("list", "show srresnet", "data list", "victim list", "assets list", "board show", "board compare")


SHOWN = [shown for page in PAGES for shown in commands(page) if shown.text.startswith("gexbench ")]
COMMANDS = sorted({(shown.page, shown.text) for shown in SHOWN})
INLINE = sorted({(said.page, said.text) for page in PAGES for said in inline(page)})


def found(page: str, words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, and the words behind its name."""
    command, words = typer.main.get_command(app), [*words]
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{page}: no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    return command, words


def options(command: Any) -> set[str]:
    """Return the names of a command's options, of those below it too."""
    below = command.commands.values() if hasattr(command, "commands") else ()
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {"--help"}.union(own, *map(options, below))


def test_the_pages_hold_commands() -> None:
    assert any(page == "README.md" for page, _ in COMMANDS)


@pytest.mark.parametrize(("page", "text"), COMMANDS)
def test_a_command_in_the_docs_parses(page: str, text: str) -> None:
    command, words = found(page, shlex.split(text)[1:])
    if "--help" not in words and "--version" not in words:
        command.make_context("gexbench", [w for w in words if w != "…"])


@pytest.mark.parametrize(("page", "text"), INLINE)
def test_a_command_in_the_prose_exists_with_the_options_it_names(page: str, text: str) -> None:
    command, words = found(page, shlex.split(text)[1:])
    named = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert named <= options(command), f"{page}: {text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_an_option_in_the_prose_is_one_of_a_command_or_of_a_benchmark(page: Path) -> None:
    benchmarks = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "benchmarks").glob("*.py"))
    named = re.findall(r"`(--[a-z][a-z-]*)", page.read_text(encoding="utf-8"))
    unknown = {*named} - options(typer.main.get_command(app))
    assert {name for name in unknown if f'"{name}"' not in benchmarks} == set()


KINDS = {
    "--task": TaskCard,
    "--tasks": TaskCard,
    "--attack": AttackCard,
    "--attacks": AttackCard,
    "--defense": DefenseCard,
    "--defenses": DefenseCard,
    "--victims": VictimCard,
    "--metric": MetricCard,
    "--dataset": DatasetCard,
}


@pytest.mark.parametrize(("page", "text"), COMMANDS)
def test_a_name_in_a_command_is_the_name_of_a_card(page: str, text: str) -> None:
    words, catalog = shlex.split(text), Catalog.load()
    for option, value in pairwise(words):
        if option in KINDS and "/" not in value and words[1] not in ("ownership", "losses"):
            for name in value.split(","):
                assert name == "none" or name in catalog.all(KINDS[option]), f"{page}: {text}"


def is_light(page: str, command: str) -> bool:
    """Say whether a command is soon done anywhere; pages on data and services of one's own have tests of their own."""
    return command.removeprefix("gexbench ").startswith(LIGHT) and not page.startswith("your-own-")


@pytest.mark.parametrize("command", sorted({c for p, c in COMMANDS if is_light(p, c)}))
def test_a_light_command_in_the_docs_runs(command: str) -> None:
    words = [sys.executable, "-m", "gexbench", *shlex.split(command)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout


LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")


def anchors(page: Path) -> set[str]:
    """Return what a heading of a page is linked by: its words in lower case, joined by hyphens."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"], ids=lambda p: p.name)
def test_a_link_leads_to_a_file_and_to_a_heading_that_are_there(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            led = page.parent / target if target else page
            assert led.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(led), f"{page.name} links to {target}#{anchor}"


SESSIONS = [page for page in PAGES if "```pycon" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", SESSIONS, ids=lambda p: p.name)
def test_a_python_session_in_the_docs_goes_as_it_says(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"^```pycon\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    session = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, str(page), 0)
    told: list[str] = []
    assert doctest.DocTestRunner().run(session, out=told.append).failed == 0, "".join(told)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_in_the_docs_is_python_with_keywords_that_exist(page: Path) -> None:
    verbs = {name: inspect.signature(getattr(gexbench, name)) for name in ("run", "curve", "cross", "score")}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for call in ast.walk(ast.parse(block)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in verbs:
                given = {keyword.arg for keyword in call.keywords}
                assert given <= set(verbs[call.func.attr].parameters), ast.unparse(call)


def prose(page: Path) -> str:
    """Return a page without code, tables and the targets of its links."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "#", "    "))]
    return re.sub(r"\]\([^)]*\)", "]", "\n".join(lines))


LONGER = {"architecture.md", "latent-gans.md"}
"""Pages with longer sentences."""


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in LONGER], ids=lambda p: p.name)
def test_no_sentence_of_a_page_is_longer_than_35_words(page: Path) -> None:
    parts = re.split(r"(?<=[.!?:;])[*)]*\s+|\n\n|\n[*-] ", prose(page))
    assert [part for part in parts if len(part.split()) > 35] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_a_page_says_at_its_top_who_it_is_for_and_what_it_ends_with(page: Path) -> None:
    top = " ".join(page.read_text(encoding="utf-8").partition("\n## ")[0].split())
    assert re.search(r"\bThis page is for .+?\. After it you (can|know)\b", top)


def test_the_glossary_is_short_with_one_sentence_for_each_word_that_pages_use() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (.+) \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)[
        1:
    ]
    texts = " ".join(page.read_text(encoding="utf-8").lower() for page in PAGES if page.name != "glossary.md")
    assert 10 <= len(rows) <= 15
    assert [word for word, _ in rows] == sorted(word for word, _ in rows)
    for word, meaning in rows:
        assert re.fullmatch(r"[A-Z][^.]+\.", meaning), meaning
        assert word in texts
    for page in (ROOT / "README.md", ROOT / "docs" / "README.md"):
        assert "glossary.md)" in page.read_text(encoding="utf-8")


def test_the_readme_is_short_and_every_page_stands_in_the_index() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index] == ["README.md"]
