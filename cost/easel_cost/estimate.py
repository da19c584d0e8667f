"""An estimate: lines of quantity times price, fixed by the month or growing with the pictures."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from easel_cost.prices import Price

_CENT = Decimal("0.01")
_THOUSAND = Decimal(1000)


@dataclass(frozen=True)
class Line:
    """One row of an estimate.

    Attributes:
        service: of AWS.
        subject: what of the service, for people.
        quantity: of the price's unit, in one month.
        price: of one unit.
        basis: where the quantity comes from.
        is_guess: whether the quantity was neither set nor measured.
    """

    service: str
    subject: str
    quantity: Decimal
    price: Price
    basis: str
    is_guess: bool = False

    @property
    def amount(self) -> Decimal:
        """What it costs in a month, in the price's currency, not rounded."""
        return self.quantity * self.price.amount


@dataclass(frozen=True)
class Estimate:
    """What a stack costs in one month.

    Attributes:
        region: of the stack.
        currency: of all amounts, ISO 4217.
        pictures: made in the month.
        fixed: what is paid without a picture, too.
        variable: what grows with the pictures.
    """

    region: str
    currency: str
    pictures: int
    fixed: tuple[Line, ...]
    variable: tuple[Line, ...]

    @property
    def fixed_total(self) -> Decimal:
        """A month without a picture, in cents' precision."""
        return cents(total(self.fixed))

    @property
    def variable_total(self) -> Decimal:
        """What the month's pictures add, in cents' precision."""
        return cents(total(self.variable))

    @property
    def total(self) -> Decimal:
        """The whole month, in cents' precision."""
        return cents(total(self.fixed + self.variable))

    @property
    def per_thousand(self) -> Decimal | None:
        """What 1,000 further pictures cost; None without pictures."""
        return self._of_thousand(total(self.variable))

    @property
    def whole_per_thousand(self) -> Decimal | None:
        """The month's cost, the fixed part too, for 1,000 of its pictures."""
        return self._of_thousand(total(self.fixed + self.variable))

    @property
    def not_read(self) -> tuple[Price, ...]:
        """Prices that no source gives for this region: another's stand in, or memory does."""
        prices = {line.price.key: line.price for line in self.fixed + self.variable}
        return tuple(price for price in prices.values() if not price.is_read)

    def in_a_sentence(self) -> str:
        """Returns the two figures that a plan shows."""
        text = f"about {self.fixed_total:,} {self.currency} a month without a task"
        if self.per_thousand is not None:
            text += f", and {self.per_thousand:,} {self.currency} for 1,000 pictures"
        return text

    def to_json(self) -> dict[str, Any]:
        """Returns the estimate for programs; amounts are strings of decimal numbers."""
        return {
            "region": self.region,
            "currency": self.currency,
            "pictures": self.pictures,
            "fixed": [_line(line) for line in self.fixed],
            "variable": [_line(line) for line in self.variable],
            "fixed_total": str(self.fixed_total),
            "variable_total": str(self.variable_total),
            "total": str(self.total),
            "per_thousand_pictures": _text(self.per_thousand),
            "per_thousand_pictures_with_fixed": _text(self.whole_per_thousand),
            "prices_not_read": [price.key for price in self.not_read],
        }

    def _of_thousand(self, amount: Decimal) -> Decimal | None:
        return cents(amount / self.pictures * _THOUSAND) if self.pictures else None


def cents(amount: Decimal) -> Decimal:
    """Returns an amount rounded to the cent, half a cent upwards."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def total(lines: Iterable[Line]) -> Decimal:
    """Returns the sum of lines, not rounded."""
    return sum((line.amount for line in lines), Decimal(0))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _line(line: Line) -> dict[str, Any]:
    source = line.price.source
    return {
        "service": line.service,
        "subject": line.subject,
        "quantity": f"{line.quantity:f}",
        "unit": line.price.unit,
        "price": f"{line.price.amount:f}",
        "amount": str(cents(line.amount)),
        "basis": line.basis,
        "guess": line.is_guess,
        "price_key": line.price.key,
        "price_source": source.name,
        "price_day": source.day.isoformat() if source.day else None,
        "price_of_region": line.price.stands_in,
        "price_read": line.price.is_read,
    }
