"""Which records somebody ran again: lines signed by a key that the maintainers' list names.

`MAINTAINERS`, beside the boards, has a line a key as `ssh-keygen -t ed25519` writes it: type, key, name. A board's
`verified.txt` has a line a record: its seal, a maintainer's name, the signature of the seal. `#` begins a comment.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.errors import BoardError, nearest
from gexbench.files import atomic_write, read_bounded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAINTAINERS = "MAINTAINERS"
VERIFIED = "verified.txt"
LARGEST_FILE = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64}) (\S+) (\S+)")


def verified_seals(board: Path, root: Path) -> frozenset[str]:
    """Return the seals of records that were verified.

    board, root: a board's folder, and that of all boards. Raises BoardError for a line that no named key has signed.
    """
    file = board / VERIFIED
    if not file.is_file():
        return frozenset()
    known = maintainers(root)
    return frozenset(_checked(file, place, line, known) for place, line in _lines(file))


def maintainers(root: Path) -> dict[str, Ed25519PublicKey]:
    """Return the keys that may sign, by name; raises BoardError for a line that is none, and for a name twice."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    found: dict[str, Ed25519PublicKey] = {}
    file = root / MAINTAINERS
    for place, line in _lines(file) if file.is_file() else ():
        words = line.split()
        try:
            key = load_ssh_public_key(line.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey) or len(words) != 3 or words[2] in found:
            raise BoardError(f"{file}, line {place}: not an Ed25519 key with a name of its own", "ssh-ed25519 KEY NAME")
        found[words[2]] = key
    return found


def is_signed(key: Ed25519PublicKey, statement: bytes, text: str) -> bool:
    """Say whether a text is a key's signature of a statement, as `Maintainer.sign` writes it."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(text, validate=True), statement)
    except (ValueError, InvalidSignature):
        return False
    return True


def is_verified(key: Ed25519PublicKey, seal: str, text: str) -> bool:
    """Say whether a text is a key's signature for a record."""
    return is_signed(key, _statement(seal), text)


def _checked(file: Path, place: int, line: str, known: dict[str, Ed25519PublicKey]) -> str:
    """Return the seal of a signed line."""
    form = _LINE.fullmatch(line)
    if form is None:
        raise BoardError(
            f"{file}, line {place}: not a seal, a name and a signature", "`gexbench verify --sign` adds one"
        )
    seal, name, text = form.groups()
    if name not in known:
        raise BoardError(f"{file}, line {place}: {MAINTAINERS} names no {name!r}", nearest(name, known))
    if not is_verified(known[name], seal, text):
        raise BoardError(f"{file}, line {place}: {name!r} has not signed this seal", "remove the line")
    return seal


def _statement(seal: str) -> bytes:
    return f"gexbench: verified 1 {seal}".encode()


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line that says something."""
    try:
        text = read_bounded(file, LARGEST_FILE).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BoardError(f"cannot read {file}: {reason}", "correct the file") from None
    for place, line in enumerate(text.splitlines(), 1):
        if said := line.partition("#")[0].strip():
            yield place, said


def add_signed(board: Path, name: str, signatures: Mapping[str, str]) -> Path:
    """Add signatures of records, by seal, to a board's list and return that file; what is there already stays.

    They are taken as they are: `is_verified` says whether they are the maintainer's.
    """
    file = board / VERIFIED
    lines = read_bounded(file, LARGEST_FILE).decode("utf-8").splitlines() if file.is_file() else []
    known = {tuple(line.split()[:2]) for line in lines}
    new = [f"{seal} {name} {text}" for seal, text in signatures.items() if (seal, name) not in known]
    if new:
        atomic_write(file, ("\n".join([*lines, *new]) + "\n").encode())
    return file


@dataclass(frozen=True)
class Maintainer:
    """Somebody whose signature counts: the name in the list, and the key."""

    name: str
    key: Ed25519PrivateKey

    def sign(self, statement: bytes) -> str:
        """Return the signature of a statement as text; the same statement gives the same text."""
        return base64.b64encode(self.key.sign(statement)).decode()

    def sign_seal(self, seal: str) -> str:
        """Return the signature for a record."""
        return self.sign(_statement(seal))


@dataclass(frozen=True)
class Signer:
    """A maintainer, and the board that a record lies on."""

    board: Path
    maintainer: Maintainer

    def sign(self, seal: str) -> Path:
        """Add a record's seal to the board's list and return that file; nothing happens where it is there already."""
        return add_signed(self.board, self.maintainer.name, {seal: self.maintainer.sign_seal(seal)})


def open_signer(key: Path, record: Path) -> Signer:
    """Return what signs for a record; raises BoardError unless it lies on a board and the key is a maintainer's.

    key: an Ed25519 private key without a passphrase, as OpenSSH or PEM.
    """
    board = record.absolute().parent.parent
    root = next((place for place in board.parents[:2] if (place / MAINTAINERS).is_file()), None)
    if record.parent.name != "records" or root is None:
        raise BoardError(f"{record} lies on no board", f"sign what lies in records/, below a folder with {MAINTAINERS}")
    return Signer(board, maintainer_of(key, root))


def maintainer_of(key: Path, root: Path) -> Maintainer:
    """Return whose a private key is; raises BoardError unless the list in the folder of all boards names it.

    key: as for `open_signer`.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    private = _private_key(key)
    ours = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for name, public in maintainers(root).items():
        if public.public_bytes(Encoding.Raw, PublicFormat.Raw) == ours:
            return Maintainer(name, private)
    raise BoardError(f"{root / MAINTAINERS} does not name the key in {key}", "have its public half added by review")


def _private_key(file: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    try:
        content = read_bounded(file, LARGEST_FILE)
    except OSError as error:
        raise BoardError(f"cannot read the key {file}: {error.strerror}", "make one: ssh-keygen -t ed25519") from None
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in content else load_pem_private_key
    try:
        key = load(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BoardError(f"{file} holds no Ed25519 private key without a passphrase", "make one: ssh-keygen -t ed25519")
    return key
