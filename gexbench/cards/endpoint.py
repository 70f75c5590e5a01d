"""What a card says of a victim behind an address: how it is asked over HTTP, and what a call costs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationError, field_validator

from gexbench.cards.fields import Frozen
from gexbench.cards.schema import VictimCard
from gexbench.errors import CardError, PlanError
from gexbench.foreign_text import shown

BACKEND = "http"
LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^GEXBENCH_KEY_[A-Z0-9_]{1,80}$")]
"""Only such variables, so that no card of a stranger's has another secret sent to him."""
Field_ = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f]{1,100}$")]
_OURS = frozenset({"host", "content-length", "content-type", "accept", "accept-encoding", "connection", "expect"})


@dataclass(frozen=True)
class Target:
    """The one place that a victim's service may connect to."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def near(self) -> bool:
        """Say whether it is on this machine."""
        return LOOPBACK.fullmatch(self.host) is not None


class Endpoint(Frozen):
    """How a victim is asked, in the [endpoint] table of its card. None of it touches a number: its answers tell it.

    form: what is sent and comes back, the bytes of a PNG, or JSON with such bytes in base64 in `question` and `answer`;
    a dot leads deeper, such as `images.0`. headers: by name the environment variable, GEXBENCH_KEY_…, that holds the
    value, which is kept nowhere. price: US dollars a call. timeout: seconds for one try. tries: how often a question is
    asked that got no answer. per_minute: the most calls, None for as many as come.
    """

    url: str
    form: Literal["png", "json"] = "png"
    question: Field_ = "image"
    answer: Field_ = "image"
    headers: dict[Header, Variable] = {}
    price: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)
    timeout: float = Field(default=60.0, gt=0, le=600)
    tries: int = Field(default=5, ge=1, le=20)
    per_minute: float | None = Field(default=None, gt=0, le=1e6)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        target_of(url)
        return url

    @field_validator("headers")
    @classmethod
    def _leaves_what_is_ours(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in _OURS:
                raise ValueError(f"the header {name} is set by gexbench")
        return headers

    @property
    def target(self) -> Target:
        """Return where it lies."""
        return target_of(self.url)


def is_address(text: str) -> bool:
    """Say whether a text is an address, and no path or name."""
    return "://" in text


def target_of(url: str) -> Target:
    """Return the place that an address names; raises ValueError, in words that repeat nothing that may be a key."""
    if not re.fullmatch(r"[\x21-\x7e]{1,500}", url) or "\\" in url:
        raise ValueError("an address is up to 500 visible ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it is no address, such as http://localhost:8000/enlarge") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("it is no address of HTTP, such as http://localhost:8000/enlarge")
    if parts.username is not None or parts.password is not None or "?" in url or "#" in url:
        raise ValueError(
            "an address stands in records: leave out what follows ? or #, and what is before @; "
            "a key is given by [endpoint] headers"
        )
    if port == 0:
        raise ValueError("no port 0")
    tls = parts.scheme == "https"
    return Target(host, port or (443 if tls else 80), parts.path or "/", tls)


def endpoint_of(card: VictimCard) -> Endpoint:
    """Return how a victim of backend http is asked; raises CardError in one line."""
    try:
        return Endpoint.model_validate(card.endpoint)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = shown(".".join(["endpoint", *map(str, first["loc"])]))
        fields = ", ".join(Endpoint.model_fields)
        told = first["msg"].removeprefix("Value error, ")
        raise CardError(f"victim {card.name!r}: {place}: {told}", f"[endpoint] says {fields}") from None


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """Return the headers with their values, out of the environment; raises PlanError, which repeats no value."""
    target, found = endpoint.target, dict[str, str]()
    if endpoint.headers and not target.tls and not target.near:
        raise PlanError(
            f"{endpoint.url} is asked without encryption, and its headers would be read on the way", "https"
        )
    for name, variable in endpoint.headers.items():
        value = os.environ.get(variable)
        if not value:
            raise PlanError(f"the environment variable {variable}, for the header {name}, is not set", "export it")
        if not re.fullmatch(r"[\x20-\x7e]+", value):
            raise PlanError(f"the environment variable {variable} holds more than visible ASCII", "export it anew")
        found[name] = value
    return found
