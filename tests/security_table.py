"""The table of SECURITY.md, from security_table.toml; run as a script it writes the table into the page."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "SECURITY.md"
BEGIN, END = "<!-- the table of tests/security_table.toml -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Kind:
    """A kind of cheating, what happens, and the tests that keep it: "file::function" below tests/."""

    cheating: str
    happens: str
    tests: tuple[str, ...]


def kinds() -> list[Kind]:
    """Return the rows in their order."""
    table = tomllib.loads((Path(__file__).parent / "security_table.toml").read_text(encoding="utf-8"))
    return [Kind(row["cheating"], row["happens"], tuple(row["tests"])) for row in table["kind"]]


def functions(file: str) -> set[str]:
    """Return the names of the tests in a file below tests/."""
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def table() -> str:
    """Return the table as Markdown."""
    head = ["| kind of cheating | what happens | kept by, below `tests/` |", "|---|---|---|"]
    rows = [
        f"| {kind.cheating} | {kind.happens} | {'<br>'.join(f'`{test}`' for test in kind.tests)} |" for kind in kinds()
    ]
    return "\n".join([*head, *rows])


def with_table(page: str) -> str:
    """Return the page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
