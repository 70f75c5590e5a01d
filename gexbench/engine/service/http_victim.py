"""Victims behind an address: they answer a PNG with a PNG, and are known by what they answer to a few of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from gexbench.cards.endpoint import Endpoint, endpoint_of
from gexbench.cards.schema import VictimCard
from gexbench.core.images import decode_8bit, from_uint8, to_uint8
from gexbench.engine.kinds.image_to_image import pattern
from gexbench.engine.kinds.sampling import surrogate_latents
from gexbench.engine.service.calls import Calls
from gexbench.engine.service.dial import Reach
from gexbench.engine.service.foreign_victim import ForeignVictim
from gexbench.engine.service.http_client import LARGEST, RESUME, Client
from gexbench.engine.wire.image_file import unpacked_images
from gexbench.engine.wire.questions import question_digest
from gexbench.errors import AssetMissing, DataMissing, EndpointError
from gexbench.file_kinds import HEAD, kind_of
from gexbench.foreign_text import shown
from gexbench.record import Bill

SIDE = 64
"""Pixels a side of what every endpoint is known by, where its card says no side."""
PROBES = 2
SAME = 2.0
"""How far, on average, two answers to one question may lie from each other, in levels of 255."""
WIDEST = 16
"""Times as wide as its question, the most that an answer may be."""
_PNG, _JSON = "image/png", "application/json"
_MAGIC = b"\x89PNG\r\n\x1a\n"


class HttpVictim(ForeignVictim):
    """A service behind an address, called with one image, or one seed, at a time; what it answered is asked once.

    files: what it answered when it was first seen, which it has to answer still (see `watch`).
    """

    is_slow = True

    def __init__(self, card: VictimCard, files: Path, digest: str, device: str, reach: Reach) -> None:
        self.endpoint: Endpoint = endpoint_of(card)
        self.calls, self.keeps = Calls(reach.ledger), reach.ledger is not None
        self.client = Client(self.endpoint, reach.headers, reach.dial, reach.authorities, self.calls.sent)
        super().__init__(card, files, digest)
        try:
            self.first_answers = unpacked_images(self.content) if self.content else []
        except ValueError as error:
            raise AssetMissing(f"{files} holds no answers of victim {card.name!r}: {error}", "remove it") from None

    def _read(self, files: Path) -> bytes:
        return super()._read(files) if self.digest else b""

    def call(self, x: Tensor) -> Tensor:
        """Return an answer (1,3,H,W) in [0,1] to an image (1,3,h,w), or to a latent, which stands for a seed."""
        question = to_uint8(x)[0] if x.dim() == 4 else _seed(x)
        digest = _digest(question)
        answer = self.calls.answer(digest) if self.keeps else None
        if answer is not None:
            return self._pixels(answer, question)
        answer = self._asked(question)
        pixels = self._pixels(answer, question)
        if self.keeps:
            self.calls.keep(digest, answer)
        else:
            self.calls.watched()
        return pixels

    def fingerprint(self) -> list[Tensor]:
        """Return what it answers, this time, to the questions it is known by: images (3,H,W) uint8."""
        answers = []
        for question in self._probes():
            answers.append(to_uint8(self._pixels(self._asked(question), question))[0])
            self.calls.watched()
        return answers

    def watch(self) -> str:
        """Say in which way it answers otherwise than when it was first seen, "" where it does not."""
        if not self.first_answers:
            return ""
        return unlike(self.first_answers, self.fingerprint())

    def bill(self) -> Bill:
        """Return what was paid for so far."""
        return self.calls.bill(self.endpoint)

    def _called(self, x: Tensor) -> object:
        return self.call(x)  # what goes wrong there is said already

    def _probes(self) -> list[Tensor | int]:
        if self.card.draws:
            return [_seed(z) for z in surrogate_latents(range(PROBES), self.latent_size or 1, 0).split(1)]
        side = self.signature.side or SIDE
        first = to_uint8(pattern(side, side))[0]
        return [first, 255 - first.flip(2)]

    def _asked(self, question: Tensor | int) -> bytes:
        """Return the bytes of the image that a question is answered with."""
        where, kind = self.endpoint, _PNG if isinstance(question, Tensor) and self.endpoint.form == "png" else _JSON
        asked: dict[str, Any] = {"n": 1, "seed": question} if isinstance(question, int) else {}
        if isinstance(question, Tensor):
            png = _png(question)
            asked = {where.question: base64.b64encode(png).decode()} if kind == _JSON else {}
        answer = self.client.ask(json.dumps(asked).encode() if kind == _JSON else png, kind)
        return answer if where.form == "png" else self._unwrapped(answer)

    def _unwrapped(self, answer: bytes) -> bytes:
        """Return the bytes of an image in JSON."""
        try:
            found = json.loads(answer)
            for part in self.endpoint.answer.split("."):
                found = found[int(part)] if isinstance(found, list) else found[part]
            text = found.partition(",")[2] if found.startswith("data:") else found
            return base64.b64decode(text, validate=True)
        except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError, binascii.Error):
            what = _named(answer)
            field = f"the field {self.endpoint.answer!r} of JSON"
            told = f"{self.endpoint.url} answered with {what}, not with a PNG in base64 in {field}"
            raise EndpointError(told, 'name its field: [endpoint] answer, such as images.0; or form = "png"') from None

    def _pixels(self, answer: bytes, question: Tensor | int) -> Tensor:
        """Return the pixels (1,3,H,W) in [0,1] of an answer, whose size is looked at before it is decoded."""
        url = self.endpoint.url
        if not answer.startswith(_MAGIC) or len(answer) < 33:
            raise EndpointError(
                f"{url} answered with {_named(answer)}, not with a PNG", f"let it answer with one; {RESUME}"
            )
        width, height = struct.unpack(">II", answer[16:24])
        most = min(
            WIDEST**2 * question.shape[1] * question.shape[2] if isinstance(question, Tensor) else LARGEST, LARGEST
        )
        if width * height > most:
            told = f"{url} answered with a PNG of {width} x {height}, more than is looked at"
            raise EndpointError(told, "let it answer with one image of the right size")
        try:
            return from_uint8(decode_8bit(answer, url))[None]
        except DataMissing as error:
            raise EndpointError(f"{url} answered with a broken PNG: {shown(str(error), 200)}", RESUME) from None


def unlike(first: Sequence[Tensor], now: Sequence[Tensor]) -> str:
    """Say how answers differ from earlier ones to the same questions, "" where they do not."""
    for before, after in zip(first, now, strict=True):
        if before.shape != after.shape:
            sizes = [f"{y.shape[2]} x {y.shape[1]}" for y in (before, after)]
            return f"answers with {sizes[1]} px what it answered with {sizes[0]}"
        distance = float((before.float() - after.float()).abs().mean())
        if distance > SAME:
            return f"answers a question otherwise than before, by {distance:.1f} of 255 levels"
    return ""


def _digest(question: Tensor | int) -> bytes:
    if isinstance(question, int):
        return hashlib.sha256(f"seed {question}".encode()).digest()
    return question_digest(question.shape, question.numpy().tobytes())


def _seed(z: Tensor) -> int:
    """Return the seed, below 2**31, that stands for a latent."""
    return int.from_bytes(hashlib.blake2b(z.contiguous().numpy().tobytes(), digest_size=4).digest(), "little") >> 1


def _png(image: Tensor) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())).save(buffer, "PNG")
    return buffer.getvalue()


def _named(answer: bytes) -> str:
    kind = kind_of(answer[:HEAD])
    return "nothing" if not answer else kind.told if kind is not None else f"{len(answer)} bytes of no known kind"
