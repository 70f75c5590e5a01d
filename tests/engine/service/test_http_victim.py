"""A victim behind an address answers as any other, is asked once, and is known by its answers."""

from __future__ import annotations

import base64
import functools
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from http_service import Reply, Service, as_json, as_png, draws, enlarged, png, running
from PIL import Image

from gexbench.cards.schema import VictimCard
from gexbench.core.images import from_uint8, to_uint8
from gexbench.engine.kinds.image_to_image import pattern
from gexbench.engine.service.dial import Reach, connected
from gexbench.engine.service.http_victim import PROBES, HttpVictim
from gexbench.engine.service.probe import probe
from gexbench.engine.store.weights import file_sha256
from gexbench.engine.wire.image_file import packed_images
from gexbench.errors import AssetMissing, EndpointError, GexbenchError, RunFailed


def card_of(service: Service, kind: str = "image-to-image", side: int | None = None, **endpoint: object) -> VictimCard:
    return VictimCard.model_validate(
        {
            "name": "me/net",
            "summary": "A net.",
            "task_kind": kind,
            "backend": "http",
            "scale": 4 if kind == "image-to-image" else 1,
            "dataset": "photos-mini",
            "net": {} if side is None else {"side": side},
            "endpoint": {"url": service.url, "tries": 1, "timeout": 10, **endpoint},
        }
    )


@contextmanager
def opened(card: VictimCard, ledger: Path | None = None, file: Path | None = None) -> Iterator[HttpVictim]:
    target = card.endpoint["url"].split("/")[2].partition(":")
    reach = Reach(functools.partial(connected, target[0], int(target[2])), {}, None, ledger)
    victim = HttpVictim(card, file or Path(), file_sha256(file) if file else "", "cpu", reach)
    try:
        yield victim
    finally:
        victim.calls.close()


X = pattern(20, 24)


def wanted() -> torch.Tensor:
    image = Image.fromarray(to_uint8(X)[0].permute(1, 2, 0).numpy())
    large = Image.open(io.BytesIO(enlarged(png(image))))
    return from_uint8(
        torch.frombuffer(bytearray(large.tobytes()), dtype=torch.uint8).reshape(80, 96, 3).permute(2, 0, 1)
    )


def test_a_png_is_answered_with_a_png_pixel_by_pixel() -> None:
    with running() as service, opened(card_of(service)) as victim:
        assert torch.equal(victim.answer(from_uint8(to_uint8(X)))[0], wanted())


def test_json_carries_the_same() -> None:
    form = {"form": "json", "question": "picture", "answer": "images.0"}
    with running(as_json) as service, opened(card_of(service, **form)) as victim:
        assert torch.equal(victim.answer(from_uint8(to_uint8(X)))[0], wanted())
        assert service.headers["Content-Type"] == "application/json"


def test_one_that_draws_is_given_a_seed_for_a_latent_and_draws_the_same_again() -> None:
    with running(draws) as service, opened(card_of(service, "sampling")) as victim:
        assert victim.latent_size is not None
        z = torch.randn(3, victim.latent_size, generator=torch.Generator().manual_seed(0))
        first = victim.answer(z)
        assert first.shape == (3, 3, 32, 32)
        assert torch.equal(victim.answer(z), first)
        assert len({json.loads(body)["seed"] for body in service.bodies}) == 3


def test_what_was_answered_is_never_asked_again_nor_after_a_restart(tmp_path: Path) -> None:
    with running() as service:
        for _ in range(2):
            with opened(card_of(service, price=0.5), tmp_path / "ledger.sqlite") as victim:
                victim.answer(X.repeat(2, 1, 1, 1))
                bill = victim.bill()
        assert len(service.bodies) == 1
        assert (bill.calls, bill.paid_usd) == (1, 0.5)


def first_answers(service: Service, folder: Path) -> Path:
    with opened(card_of(service)) as victim:
        file = folder / "first.safetensors"
        file.write_bytes(packed_images(victim.fingerprint()))
    return file


def test_the_same_service_has_the_same_fingerprint_and_another_another(tmp_path: Path) -> None:
    with running() as service, running(lambda body: Reply(enlarged(body, shift=9))) as other:
        hashes = [file_sha256(first_answers(each, tmp_path)) for each in (service, service, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(service.bodies) == 2 * PROBES


def test_one_that_changes_is_seen_and_one_that_wavers_a_little_is_not(tmp_path: Path) -> None:
    with running() as service:
        file = first_answers(service, tmp_path)
        with opened(card_of(service), tmp_path / "ledger.sqlite", file) as victim:
            assert victim.watch() == ""
            service.reply = lambda body: Reply(enlarged(body, shift=1))
            assert victim.watch() == ""
            service.reply = lambda body: Reply(enlarged(body, shift=20))
            assert "otherwise than before, by 1" in victim.watch()
            service.reply = lambda body: Reply(enlarged(body, scale=2))
            assert victim.watch() == "answers with 128 x 128 px what it answered with 256 x 256"
            assert victim.bill().watched == 4 * PROBES


def test_one_that_nobody_knew_before_is_not_asked_whether_it_is_the_same() -> None:
    with running() as service, opened(card_of(service)) as victim:
        assert victim.watch() == ""
        assert service.bodies == []


def test_a_file_of_first_answers_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no answers")
    with (
        running() as service,
        pytest.raises(AssetMissing, match="holds no answers of victim"),
        opened(card_of(service), None, tmp_path / "x"),
    ):
        pass
    assert service.bodies == []


def jpeg(body: bytes) -> Reply:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(body)).save(buffer, "JPEG")
    return Reply(buffer.getvalue())


def bomb(body: bytes) -> Reply:
    """A small file that says it is vast."""
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    return Reply(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda _: Reply(b"<!doctype html><p>Sign in"), r"answered with a web page \(HTML\), not with a PNG"),
        (lambda _: Reply(b""), "answered with nothing, not with a PNG"),
        (lambda _: Reply(b'{"error": "busy"}'), "a server's error message"),
        (lambda _: Reply(bytes(range(128, 256))), "128 bytes of no known kind"),
        (jpeg, "not with a PNG"),
        (bomb, "a PNG of 60000 x 60000, more than is looked at"),
        (lambda body: Reply(enlarged(body)[:-100]), "answered with a broken PNG"),
        (lambda _: Reply(b"\x89PNG\r\n\x1a\n" + bytes(100)), "answered with a broken PNG"),
        (lambda body: Reply(enlarged(body, scale=2)), r"answered \(1, 3, 20, 24\) with \(1, 3, 40, 48\)"),
    ],
)
def test_what_is_no_answer_is_one_line_and_is_not_kept(
    reply: Callable[[bytes], Reply], why: str, tmp_path: Path
) -> None:
    with running(reply) as service, opened(card_of(service), tmp_path / "ledger.sqlite") as victim:
        with pytest.raises((EndpointError, RunFailed), match=why) as refused:
            victim.answer(X)
        assert "\n" not in str(refused.value)
        assert refused.value.hint
        if isinstance(refused.value, EndpointError):
            assert victim.bill().calls == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"other": 1},
        {"image": None},
        {"image": "not base64!"},
        {"image": {"image": 1}},
        [],
        "image",
        {"image": base64.b64encode(b"text").decode()},
    ],
)
def test_json_without_an_image_is_one_line(answer: object) -> None:
    with (
        running(lambda _: Reply(json.dumps(answer).encode())) as service,
        opened(card_of(service, form="json")) as victim,
        pytest.raises(EndpointError) as refused,
    ):
        victim.answer(X)
    assert "\n" not in str(refused.value)
    assert "PNG" in str(refused.value)


def test_json_that_is_nested_without_end_is_one_line() -> None:
    with (
        running(lambda _: Reply(b"[" * 200_000)) as service,
        opened(card_of(service, form="json")) as victim,
        pytest.raises(EndpointError, match="not with a PNG in base64"),
    ):
        victim.answer(X)


def test_grey_and_sixteen_bits_are_images_too() -> None:
    def grey(body: bytes) -> Reply:
        return Reply(png(Image.open(io.BytesIO(enlarged(body))).convert("L")))

    with running(grey) as service, opened(card_of(service)) as victim:
        assert victim.answer(X).shape == (1, 3, 80, 96)


def test_a_look_at_it_finds_scale_and_kind_in_few_calls() -> None:
    with running() as service, opened(card_of(service)) as victim:
        victim.digest = "0" * 64
        facts = probe(victim)
    assert (facts.scale, facts.draws, facts.gives, facts.deterministic) == (4, False, (0.0, 1.0), True)
    assert len(service.bodies) < 12
    with running(draws) as service, opened(card_of(service, "sampling")) as victim:
        victim.digest = "0" * 64
        facts = probe(victim)
    assert (facts.draws, facts.drawn) == (True, (32, 32))


def test_a_look_passes_over_sizes_that_it_refuses() -> None:
    def only(body: bytes) -> Reply:
        return as_png(body) if Image.open(io.BytesIO(body)).width % 64 == 0 else Reply(b"sides of 64", 422)

    with running(only) as service, opened(card_of(service)) as victim:
        victim.digest = "0" * 64
        assert probe(victim).sides == (64, 128)
    with running(lambda _: Reply(b"", 422)) as service, opened(card_of(service)) as victim:
        victim.digest = "0" * 64
        with pytest.raises(GexbenchError, match="HTTP 422"):
            probe(victim)
