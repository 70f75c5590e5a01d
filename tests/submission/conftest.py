"""A submission of two seeds of a plug-in attack, on a small registry, and a maintainer's key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from record_factory import Records, record_of, save, stand_in

from gexbench.boards.verified import MAINTAINERS
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import named_root
from gexbench.engine.machine.plug_in_digest import plug_in_digest, plug_in_files
from gexbench.plan import Identity, Request, resolve
from gexbench.record import RunRecord
from gexbench.submission.examine import Examined, examine
from gexbench.submission.layout import Submission, open_submission
from gexbench.submission.pack import Wanted, submit

CARD = """
[attack]
name = "{name}"
summary = "Mine."
entry = "mine:Mine"
[attack.options]
steps = {{ type = "int", default = 1, help = "steps" }}
"""


@dataclass(frozen=True)
class Author:
    """Somebody with an attack of his own. folder: of its code; place: where all this lies."""

    records: Records
    place: Path
    folder: Path
    name: str = "alice/mykd"

    @property
    def boards(self) -> Path:
        return self.place / "boards"

    def run(self, b: float = 27.0, **request: Any) -> Path:
        """Return the run folder of a run of the attack, as its code is now."""
        return save(self.record(b, **request), self.place / "runs")

    def record(self, b: float = 27.0, **request: Any) -> RunRecord:
        catalog = Catalog((*self.records.catalog.roots, named_root(self.folder)))
        files = plug_in_files(self.folder, (self.folder / "card.toml",))
        plug_ins = {"attack": plug_in_digest(self.folder, files)}
        identity = Identity("victim-hash", "pins-hash", "code-hash", plug_ins)
        return record_of(resolve(Request("sr", self.name, **request), catalog, identity), b)

    def submit(self, *runs: Path, handle: str = "alice", name: str | None = None) -> Submission:
        made = Wanted(runs, handle, name, self.place / "submissions", self.boards, (self.folder,))
        return submit(made)

    def examined(self, submission: Submission) -> Examined:
        return examine(open_submission(submission.folder), self.boards)


def write_attack(folder: Path, name: str = "alice/mykd") -> Path:
    """Write an attack's card and code, and return their folder."""
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.format(name=name), encoding="utf-8")
    (folder / "mine.py").write_text("class Mine: ...\n", encoding="utf-8")
    (folder / "tables").mkdir()
    (folder / "tables" / "one.txt").write_text("1\n", encoding="utf-8")
    return folder


def key_of(number: int, place: Path) -> tuple[Path, str]:
    """Write a key's private half, and return its file and its public half in a line."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number] * 32))
    place.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return place, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Author:
    """Return an author, with boards that have a maintainer called zoe."""
    records = stand_in(tmp_path, monkeypatch)
    made = Author(records, tmp_path, write_attack(tmp_path / "code" / "mykd"))
    made.boards.mkdir()
    _, public = key_of(1, tmp_path / "key")
    (made.boards / MAINTAINERS).write_text(f"{public} zoe\n", encoding="utf-8")
    return made


@pytest.fixture
def submission(author: Author) -> Submission:
    """Return the submission of two seeds."""
    return author.submit(author.run(27.0), author.run(27.1, seed=1))


@pytest.fixture
def key(author: Author) -> Path:
    """Return zoe's private key."""
    return author.place / "key"
