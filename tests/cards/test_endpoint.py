"""What a card says of a victim behind an address."""

from __future__ import annotations

import pytest

from gexbench.cards.catalog import Catalog
from gexbench.cards.endpoint import Endpoint, Target, endpoint_of, headers_of, target_of
from gexbench.cards.fit import check_foreign
from gexbench.cards.own import SEEDED, is_foreign, is_remote, signature_of
from gexbench.cards.schema import AttackCard, VictimCard
from gexbench.errors import CardError, PlanError
from gexbench.plan import Identity, Plan, Request, resolve


def card(**changes: object) -> VictimCard:
    values: dict[str, object] = {
        "name": "me/net",
        "summary": "A net.",
        "task_kind": "image-to-image",
        "backend": "http",
        "scale": 4,
        "dataset": "photos-mini",
        "endpoint": {"url": "http://localhost:8000/enlarge"},
    }
    return VictimCard.model_validate({**values, **changes})


def test_an_address_is_a_host_a_port_and_a_path() -> None:
    assert target_of("http://localhost:8000/enlarge") == Target("localhost", 8000, "/enlarge", tls=False)
    assert target_of("https://api.example.org") == Target("api.example.org", 443, "/", tls=True)
    assert target_of("http://[::1]:80/").host == "::1"
    assert [target_of(url).near for url in ("http://127.0.0.2/", "http://127.0.0.1.example.org/")] == [True, False]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/x", "no address of HTTP"),
        ("file:///etc/passwd", "no address of HTTP"),
        ("http:///path", "no address of HTTP"),
        ("http://example.org:port/", "no address"),
        ("http://me:secret@example.org/", "stands in records"),
        ("http://example.org/x?key=secret", "stands in records"),
        ("http://example.org/x#secret", "stands in records"),
        ("http://example.org/x\r\nX-Evil: 1", "visible ASCII"),
        ("http://example.org/a b", "visible ASCII"),
        ("http://exämple.org/", "visible ASCII"),
        ("http://example.org:0/", "no port 0"),
    ],
)
def test_what_is_no_address_is_refused_in_words_that_repeat_no_key(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        target_of(url)
    assert "secret" not in str(refused.value)
    with pytest.raises(CardError, match=why) as broken:
        endpoint_of(card(endpoint={"url": url}))
    assert "\n" not in str(broken.value)
    assert "secret" not in str(broken.value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"form": "jpeg"}, "endpoint.form"),
        ({"price": -1}, "endpoint.price"),
        ({"price": float("nan")}, "endpoint.price"),
        ({"timeout": 0}, "endpoint.timeout"),
        ({"tries": 0}, "endpoint.tries"),
        ({"per_minute": 0}, "endpoint.per_minute"),
        ({"headers": {"X-Key": "$(id)"}}, "endpoint.headers"),
        ({"headers": {"X-Key": "AWS_SECRET_ACCESS_KEY"}}, "endpoint.headers"),
        ({"headers": {"X-Key: a\r\nX": "GEXBENCH_KEY_MINE"}}, "endpoint.headers"),
        ({"headers": {"Content-Length": "GEXBENCH_KEY_MINE"}}, "is set by gexbench"),
        ({"password": "x"}, "endpoint.password"),
    ],
)
def test_a_broken_table_is_one_line_that_names_the_field(change: dict[str, object], why: str) -> None:
    with pytest.raises(CardError, match=why) as refused:
        signature_of(card(endpoint={"url": "http://localhost/", **change}))
    assert "\n" not in str(refused.value)


def test_an_endpoint_takes_and_gives_png_and_says_no_values_of_black_and_white() -> None:
    with pytest.raises(CardError, match=r"net\.gives: an endpoint takes and gives PNG"):
        signature_of(card(net={"gives": [-1, 1]}))
    assert signature_of(card(net={"side": 64})).side == 64


def test_one_that_draws_has_latents_that_stand_for_seeds() -> None:
    assert signature_of(card(task_kind="sampling", scale=1)).latent_size == SEEDED


def test_backend_and_table_go_together() -> None:
    for change in ({"endpoint": {}}, {"backend": "torchscript"}, {"entry": "a:B"}):
        with pytest.raises(ValueError):
            card(**change)
    assert is_foreign(card())
    assert is_remote(card())


def test_headers_come_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint(url="http://localhost/", headers={"Authorization": "GEXBENCH_KEY_MINE"})
    with pytest.raises(PlanError, match="GEXBENCH_KEY_MINE, for the header Authorization, is not set"):
        headers_of(endpoint)
    monkeypatch.setenv("GEXBENCH_KEY_MINE", "Bearer s3cret")
    assert headers_of(endpoint) == {"Authorization": "Bearer s3cret"}


@pytest.mark.parametrize("value", ["s3cret\r\nX-Evil: 1", "s3cret\x00", "s3cräet"])
def test_a_header_that_would_be_two_is_refused_and_not_repeated(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"GEXBENCH_KEY_MINE": value})
    with pytest.raises(PlanError, match="more than visible ASCII") as refused:
        headers_of(Endpoint(url="http://localhost/", headers={"Authorization": "GEXBENCH_KEY_MINE"}))
    assert "s3cr" not in str(refused.value)


def test_a_key_is_not_sent_without_encryption_but_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_KEY_MINE", "s3cret")
    with pytest.raises(PlanError, match="asked without encryption"):
        headers_of(Endpoint(url="http://example.org/", headers={"Authorization": "GEXBENCH_KEY_MINE"}))
    assert headers_of(Endpoint(url="https://example.org/", headers={"Authorization": "GEXBENCH_KEY_MINE"}))


def asked_at(made: Plan, **endpoint: object) -> Plan:
    return made.model_copy(update={"victim": card(endpoint={"url": "http://localhost:1/", **endpoint})})


def test_where_it_lies_and_what_it_costs_touch_no_plans_id() -> None:
    made = resolve(Request("sr", "bicubic"), Catalog.load(), Identity("", "", ""))
    ids = {asked_at(made).id, asked_at(made, url="http://localhost:2/").id, asked_at(made, price=0.5, timeout=3).id}
    assert len(ids) == 1


def test_latents_cannot_be_had_of_one_that_draws() -> None:
    catalog = Catalog.load()
    attack = catalog.get(AttackCard, "latent-regression")
    drawing = card(task_kind="sampling", scale=1)
    with pytest.raises(PlanError, match="needs the knowledge 'latents', and of 'me/net' there are answers alone"):
        check_foreign(attack, None, drawing)
    check_foreign(catalog.get(AttackCard, "sngan"), None, drawing)
