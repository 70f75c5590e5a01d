"""The bench connects for a service, to the one address of its victim."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from http_service import running

from gexbench.cards.endpoint import Endpoint
from gexbench.engine.run.dialler import dialler, store_authorities
from gexbench.engine.service.dial import FarDial
from gexbench.errors import PlanError


def test_who_holds_the_channel_gets_connections_to_the_address() -> None:
    with running() as service:
        channel = dialler(Endpoint(url=service.url))
        with channel.end, FarDial(channel.end)() as line:
            assert f"{line.getpeername()[1]}/" in service.url


def test_trust_is_stored_for_an_encrypted_address_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_authorities(Endpoint(url="http://localhost/"), tmp_path / "a.pem") is None
    (tmp_path / "own.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    stored = store_authorities(Endpoint(url="https://localhost/"), tmp_path / "a.pem")
    assert stored == tmp_path / "a.pem"
    assert stored.read_text().startswith("-----BEGIN")


def test_no_certificates_at_all_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = ssl.DefaultVerifyPaths(None, None, "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    with pytest.raises(PlanError, match="no certificates to trust https://localhost/"):
        store_authorities(Endpoint(url="https://localhost/"), tmp_path / "a.pem")
