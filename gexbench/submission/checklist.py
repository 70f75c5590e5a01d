"""The page in a submission for whoever looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gexbench.boards.label import attack_label, defense_label
from gexbench.boards.markdown import safe
from gexbench.boards.sheet import NOTHING
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.foreign_text import shown
from gexbench.record import RunRecord
from gexbench.submission.layout import PLUG_INS, RECORDS, SUMS

CHECKED = (
    f"Every file is the one that `{SUMS}` names, and there is no other.",
    "Every record has its seal, holds what a run can have written, and is one that a board takes.",
    f"The code that the records name is the code in `{PLUG_INS}/`, card for card and digest for digest.",
)


def checklist(name: str, records: Sequence[RunRecord], plug_ins: Sequence[AttackCard | DefenseCard]) -> str:
    """Return the page as Markdown; text of cards and records is escaped."""
    blocks = [
        f"# Submission {safe(name)}",
        f"Records: {len(records)}, by {safe(name.partition('/')[0])}.",
        "## What is here",
        "\n".join(_table(records)),
        "\n".join(_code(plug_ins)) or "The records are of gexbench's own attacks and defenses, so there is no code.",
        "## What was checked when it was made",
        "\n".join(f"- [x] {line}" for line in CHECKED),
        "`gexbench verify` checks all of it again: believe what that says, and not this page.",
        "## What a maintainer does next",
        "\n".join(_next(name, bool(plug_ins))),
    ]
    return "\n\n".join(blocks) + "\n"


def _table(records: Sequence[RunRecord]) -> Iterator[str]:
    yield "| record | task | attack | defense | profile | queries | seed |"
    yield "| :--- | :--- | :--- | :--- | :--- | ---: | ---: |"
    for record in sorted(records, key=lambda record: record.run_name):
        plan = record.plan
        cells = (
            f"{RECORDS}/{record.run_name}.json",
            f"{plan.task.name}@{plan.task.version}",
            attack_label(plan),
            defense_label(plan) or NOTHING,
            plan.profile.name,
            str(plan.budget),
            str(plan.seed),
        )
        yield f"| {' | '.join(safe(shown(cell)) for cell in cells)} |"


def _code(plug_ins: Sequence[AttackCard | DefenseCard]) -> Iterator[str]:
    for card in plug_ins:
        place = f"{PLUG_INS}/{card.name.rpartition('/')[2]}"
        yield f"- `{place}`: {safe(card.name)}@{card.version}, {safe(shown(card.summary))}"


def _next(name: str, code: bool) -> Iterator[str]:
    folder = f"submissions/{name}"
    if code:
        yield f"- [ ] Read the code in `{PLUG_INS}/`."
        yield f"- [ ] `gexbench check {folder}`"
    yield f"- [ ] `gexbench verify {folder} --sign KEYFILE` runs a drawn record again and signs for it"
    yield f"- [ ] `gexbench board add {folder}`"
    yield "- [ ] `gexbench board build` and `gexbench site build --to site`"
