"""Verified is what a maintainer's key has signed, and nothing else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from record_factory import Records, changed, save

from gexbench.boards.folder import BoardFolder, add
from gexbench.boards.publish import folders, open_board
from gexbench.boards.retired import retire
from gexbench.boards.verified import MAINTAINERS, VERIFIED, maintainers, open_signer, verified_seals
from gexbench.errors import BoardError


def public_line(key: Ed25519PrivateKey, name: str) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + f" {name}\n"


def key_file(
    place: Path, key: Ed25519PrivateKey, form: PrivateFormat, lock: KeySerializationEncryption | None = None
) -> Path:
    place.write_bytes(key.private_bytes(Encoding.PEM, form, lock or NoEncryption()))
    return place


@pytest.fixture
def alice() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def root(tmp_path: Path, alice: Ed25519PrivateKey) -> Path:
    """Return a folder of boards whose maintainer is alice."""
    place = tmp_path / "boards"
    place.mkdir()
    (place / MAINTAINERS).write_text("# who may\n\n" + public_line(alice, "alice"), encoding="utf-8")
    return place


@pytest.fixture
def board(records: Records, root: Path, tmp_path: Path) -> BoardFolder:
    """Return a board with two seeds of a row."""
    add([save(run, tmp_path / "runs") for run in records.seeds((27.0, 27.1))], root, records.catalog)
    return folders("sr", root, records.catalog)[0]


def status(board: BoardFolder, records: Records) -> str:
    opened = open_board(board, records.catalog)
    return opened.status(opened.tables[0].rows[0])


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_a_row_is_verified_once_a_maintainer_has_signed_for_all_its_records(
    records: Records, board: BoardFolder, alice: Ed25519PrivateKey, tmp_path: Path, form: PrivateFormat
) -> None:
    key, seen = key_file(tmp_path / "key", alice, form), [status(board, records)]
    for entry in board.read(records.catalog).entries:
        file = open_signer(key, entry.path).sign(entry.record.seal)
        seen.append(status(board, records))
    assert seen == ["submitted", "verified 1/2", "verified"]
    assert (file.name, len(file.read_text(encoding="utf-8").splitlines())) == (VERIFIED, 2)
    open_signer(key, entry.path).sign(entry.record.seal)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_a_signature_of_a_record_that_was_retired_stays_and_makes_no_other_verified(
    records: Records, board: BoardFolder, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    key, entry = key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH), board.read(records.catalog).entries[0]
    open_signer(key, entry.path).sign(entry.record.seal)
    retire(entry.path, "withdrawn", "why", None, date(2026, 12, 1))
    assert status(board, records) == "submitted"
    again = save(changed(entry.record, "started", "2026-02-01T00:00:00+00:00"), tmp_path / "again")
    add([again], board.root, records.catalog)
    assert status(board, records) == "submitted"


def signed_line(board: BoardFolder, records: Records, key: Path, place: int = 0) -> str:
    entry = board.read(records.catalog).entries[place]
    text = open_signer(key, entry.path).sign(entry.record.seal).read_text(encoding="utf-8")
    (board.folder / VERIFIED).unlink()
    return text.strip()


def test_a_line_that_no_maintainer_has_signed_is_refused(
    records: Records, board: BoardFolder, root: Path, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    key = key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH)
    first, second = (signed_line(board, records, key, place).split() for place in (0, 1))
    lines = {
        records.make().id: "not a seal, a name and a signature",
        first[0]: "not a seal, a name and a signature",
        f"{second[0]} alice {first[2]}": "'alice' has not signed this seal",
        f"{first[0]} alice {'A' * 88}": "'alice' has not signed this seal",
        f"{first[0]} alice ???": "'alice' has not signed this seal",
        f"{first[0]} alice {first[2][:9]}!{first[2][9:]}": "'alice' has not signed this seal",
        f"{first[0]} mallory {first[2]}": "MAINTAINERS names no 'mallory'",
        "\x1b[31m": "not a seal",
    }
    for line, why in lines.items():
        (board.folder / VERIFIED).write_text(f"# by hand\n{line}\n", encoding="utf-8")
        with pytest.raises(BoardError, match=f"line 2: {why}"):
            verified_seals(board.folder, root)
    (board.folder / VERIFIED).write_bytes(b"\xff")
    with pytest.raises(BoardError, match="not UTF-8"):
        verified_seals(board.folder, root)


def test_a_verified_rows_id_in_another_record_earns_nothing(
    records: Records, board: BoardFolder, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    key = key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH)
    for entry in board.read(records.catalog).entries:
        open_signer(key, entry.path).sign(entry.record.seal)
    entry.path.write_text(
        changed(entry.record, "scores", records.make(b=99.0, seed=1).scores).model_dump_json(), encoding="utf-8"
    )
    with pytest.raises(BoardError, match=r"verified\.txt of 'sr' names the seal .*, which no record has"):
        open_board(board, records.catalog)


def test_a_signature_of_a_key_that_is_no_longer_named_counts_no_more(
    records: Records, board: BoardFolder, root: Path, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    line = signed_line(board, records, key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH))
    (board.folder / VERIFIED).write_text(line, encoding="utf-8")
    (root / MAINTAINERS).write_text("", encoding="utf-8")
    with pytest.raises(BoardError, match="names no 'alice'"):
        status(board, records)


def test_a_key_signs_only_where_it_is_named_and_for_a_record_on_a_board(
    records: Records, board: BoardFolder, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    entry = board.read(records.catalog).entries[0]
    stranger = key_file(tmp_path / "stranger", Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH)
    with pytest.raises(BoardError, match="MAINTAINERS does not name the key"):
        open_signer(stranger, entry.path)
    key = key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH)
    with pytest.raises(BoardError, match="lies on no board"):
        open_signer(key, save(records.make(), tmp_path / "runs") / "record.json")


def test_what_is_no_ed25519_key_without_a_passphrase_is_refused(
    records: Records, board: BoardFolder, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    entry, other = board.read(records.catalog).entries[0], tmp_path / "other"
    other.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    locked = key_file(tmp_path / "locked", alice, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "text").write_bytes(b"hello")
    for file in (other, locked, tmp_path / "text", Path("/dev/zero"), tmp_path / "nowhere"):
        with pytest.raises(BoardError, match=file.name):
            open_signer(file, entry.path)


@pytest.mark.parametrize(
    "line", ["ssh-rsa AAAA bob", "ssh-ed25519 AAAA bob", "bob", "\x1b[31m", "{alice}", "{nameless}"]
)
def test_a_line_of_maintainers_that_names_no_key_of_its_own_is_refused(
    root: Path, alice: Ed25519PrivateKey, line: str
) -> None:
    known = {"{alice}": public_line(alice, "alice"), "{nameless}": public_line(alice, "")}
    with (root / MAINTAINERS).open("a", encoding="utf-8") as file:
        file.write(known.get(line, line))
    with pytest.raises(BoardError, match="MAINTAINERS, line 4: not an Ed25519 key"):
        maintainers(root)


def test_a_key_signs_for_nothing_that_merely_lies_near_a_board_or_looks_like_one(
    records: Records, board: BoardFolder, root: Path, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    key, entry = key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH), board.read(records.catalog).entries[0]
    near, alike, deep = board.folder / "drafts", tmp_path / "a" / "sr" / "records", root / "a" / "b" / "c" / "records"
    for place in (near, alike, deep):
        place.mkdir(parents=True)
        with pytest.raises(BoardError, match="lies on no board"):
            open_signer(key, place / entry.path.name)


def test_a_board_with_a_namespace_has_the_maintainers_of_all(
    records: Records, board: BoardFolder, root: Path, alice: Ed25519PrivateKey, tmp_path: Path
) -> None:
    key, entry = key_file(tmp_path / "key", alice, PrivateFormat.OpenSSH), board.read(records.catalog).entries[0]
    file = open_signer(key, root / "zoe" / "a" / "records" / entry.path.name)
    assert (file.board, file.maintainer.name) == (root / "zoe" / "a", "alice")
