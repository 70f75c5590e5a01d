"""Every command in README and docs is one that exists; the light ones are run."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import gexbench
from gexbench.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LIGHT = ("list", "show srresnet", "data list", "victim list", "assets list", "board show", "board compare")


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.removeprefix("$ ").split("&&"):
                    if part.strip().startswith("gexbench "):
                        yield page.name, part.split("#")[0].strip()


COMMANDS = sorted(set(commands()))


def test_the_pages_hold_commands() -> None:
    assert any(page == "README.md" for page, _ in COMMANDS)


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_in_the_docs_parses(page: str, command: str) -> None:
    context = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while words and hasattr(context, "commands") and not words[0].startswith("-"):
        assert words[0] in context.commands, f"{page}: no command {words[0]!r}"
        context = context.commands[words.pop(0)]
    if "--help" not in words and "--version" not in words:
        context.make_context("gexbench", [w for w in words if w != "…"])


@pytest.mark.parametrize("command", sorted({c for _, c in COMMANDS if c.removeprefix("gexbench ").startswith(LIGHT)}))
def test_a_light_command_in_the_docs_runs(command: str) -> None:
    words = [sys.executable, "-m", "gexbench", *shlex.split(command)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


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
    lines = [line for line in text.splitlines() if not line.startswith(("|", "#"))]
    return re.sub(r"\]\([^)]*\)", "]", "\n".join(lines))


def test_no_sentence_of_the_readme_is_longer_than_35_words() -> None:
    parts = re.split(r"(?<=[.!?:;])\s+|\n\n|\n\* ", prose(ROOT / "README.md"))
    assert [part for part in parts if len(part.split()) > 35] == []


def test_the_readme_is_short_and_every_page_stands_in_the_index() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index] == ["README.md"]
