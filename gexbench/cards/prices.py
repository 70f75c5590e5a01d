"""The card of a price list: what somebody asked on a day, for images or for a machine that trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gexbench.cards.fields import Line, Prose
from gexbench.cards.schema import Card

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PriceCard(Card):
    """A price: of a thousand images, or of an hour of a machine.

    date: of the day it was asked, YYYY-MM-DD. url: of who asks it; source: who read it there, where it was not we.
    teraflops: what a machine is taken to sustain on nets like ours, in TFLOP/s: no measurement.
    """

    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
    currency: Literal["USD"] = "USD"
    thousand_images: Amount | None = None
    hour: Amount | None = None
    teraflops: Amount | None = None
    source: Line
    url: Annotated[str, StringConstraints(pattern=r"^https://[\w.-]+(/[\w./-]*)?$", max_length=200)]
    note: Prose = ""

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> PriceCard:
        if (self.thousand_images is None) == (self.hour is None) or (self.hour is None) != (self.teraflops is None):
            raise ValueError("say thousand_images, or else hour and teraflops")
        return self
