"""The store of weight files from outside: fetched once, checked before every use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from gexbench.cards.schema import AssetCard
from gexbench.engine.store.convert import converter
from gexbench.engine.store.download import Progress, Wanted, receive
from gexbench.engine.store.paths import assets_folder
from gexbench.engine.store.source_failed import SourceFailed
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import AssetMissing, CardError
from gexbench.files import alone, atomic_write

Status = Literal["present", "missing", "altered"]


def silent(done: int, total: int) -> None:
    """Show no progress."""


class AssetStore:
    """Weight files in one folder, `<name>.safetensors` each.

    A file is hashed when it is first met and again after its size, its time of change or its inode differs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open the store in `folder`, or in the folder gexbench keeps assets in; nothing is made yet."""
        self.folder = assets_folder() if folder is None else folder
        self._hashes: dict[tuple[str, int, int, int], str] = {}

    def place(self, card: AssetCard) -> Path:
        """Return where the asset's file lies or would lie."""
        return self.folder / f"{card.name}.safetensors"

    def status(self, card: AssetCard) -> Status:
        """Say whether the asset is here and is what its card says."""
        found = self._hash(self.place(card))
        if found is None:
            return "missing"
        return "present" if found == card.result_sha256 else "altered"

    def missing(self, cards: Iterable[AssetCard]) -> list[AssetCard]:
        """Return the cards whose file is not here or is not what its card says."""
        return [card for card in cards if self.status(card) != "present"]

    def path(self, card: AssetCard) -> Path:
        """Return the checked file; raises AssetMissing with the command that fetches it."""
        found = self._hash(self.place(card))
        if found == card.result_sha256:
            return self.place(card)
        raise AssetMissing(self._state(card, found), f"gexbench assets fetch {card.name}")

    def fetch(self, card: AssetCard, progress: Progress = silent, *, offline: bool = False) -> Path:
        """Return the checked file, fetched and converted first where it is not here; an altered one is replaced.

        Raises AssetMissing where no source gives it, or where `offline` forbids asking one.
        """
        if offline and (found := self._hash(self.place(card))) != card.result_sha256:
            raise AssetMissing(f"{self._state(card, found)}, and offline nothing is fetched", _other_way(card))
        if self.status(card) == "present":
            return self.place(card)
        # Another process may be fetching the same; then it is here when the wait ends.
        with alone(self.folder / "downloads" / ".lock"):
            return self.place(card) if self.status(card) == "present" else self._fetch(card, progress)

    def _fetch(self, card: AssetCard, progress: Progress) -> Path:
        become = converter(card.convert)
        failures = []
        for source in card.sources:
            try:
                received = receive(source, Wanted(card.sha256, card.size), self.folder / "downloads", progress)
            except SourceFailed as error:
                failures.append(str(error))
                continue
            self._keep(card, become(received))
            received.unlink()
            return self.place(card)
        raise AssetMissing(f"{card.name} could not be fetched: {'; '.join(failures)}", _other_way(card))

    def _keep(self, card: AssetCard, content: bytes) -> None:
        found = hashlib.sha256(content).hexdigest()
        if found != card.result_sha256:
            raise CardError(
                f"{card.name}: the file becomes sha256 {found}, the card says {card.result_sha256}",
                "result_sha256 on the card is wrong, or the conversion has changed",
            )
        atomic_write(self.place(card), content)

    def _state(self, card: AssetCard, found: str | None) -> str:
        if found is None:
            return f"{card.name} is not here ({self.place(card)})"
        return f"{self.place(card)} is altered: sha256 {found}, the card says {card.result_sha256}"

    def _hash(self, path: Path) -> str | None:
        try:
            stat = path.stat()
            key = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
            if key not in self._hashes:
                self._hashes[key] = file_sha256(path)
            return self._hashes[key]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise AssetMissing(f"{path} cannot be read: {error.strerror or error}") from error


def _other_way(card: AssetCard) -> str:
    return f"on a machine with a network: gexbench assets bundle FILE {card.name}; here: gexbench assets unbundle FILE"
