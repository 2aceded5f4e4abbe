"""What was bought, by the code of a code set?

A code means nothing without its set: `3` is regular in old WEX files, `003` is premium in Conexxus's list, and
Mastercard's `19` is gasoline where Visa's is diesel. `product_codes.csv` holds the sets with their sources,
`products.csv` what each product is. Where a network's code covers several products the name is the one they share
(`diesel`), and where one code stands for a fuel and for goods, the unit decides.
"""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ingest.fuel_cards.units import ELECTRIC, LIQUID

WIDTHS = {"conexxus": 3, "visa_fleet": 2, "mastercard_fleet": 2, "voyager": 2, "wex_legacy": 1}  # digits with zeros
SHARED_NAMES = frozenset({"gasoline", "diesel", "ulsd", "biodiesel"})  # a code that says no more than this


class Product(NamedTuple):
    """A canonical product; `family` is None for what is neither a fuel nor exhaust fluid."""

    name: str
    family: str | None
    is_fuel: bool
    meaning: str


class Bought(NamedTuple):
    """What a line bought, as far as its code tells, and what is odd about that (sorted names of flags)."""

    product: str | None
    family: str | None
    is_fuel: bool | None
    flags: tuple[str, ...]


class _Coded(NamedTuple):
    product: str
    sold_by: str  # volume or each: the code means something else in the other unit
    needs_review: bool


def bought(code_set: str | None, code: str | None, unit: str | None, sent: str | None) -> Bought:
    """Find the product of a line; the code goes before the product that was sent, and electricity before both."""
    flags = set()
    product = sent
    if code is not None:
        product, found_flags = _by_code(code_set, code, unit, sent)
        flags |= found_flags
    if unit in ELECTRIC:
        flags -= {"code_unknown", "code_set_unknown"}
        if product not in (None, "electricity") and products_by_name().get(product or "") is not None:
            flags.add("product_conflict")
        product = "electricity"
    known = products_by_name().get(product) if product is not None else None
    if product is not None and known is None:
        flags.add("product_unknown")
    return Bought(
        product, None if known is None else known.family, None if known is None else known.is_fuel, tuple(sorted(flags))
    )


def _by_code(code_set: str | None, code: str, unit: str | None, sent: str | None) -> tuple[str | None, set[str]]:
    if code_set is None:
        return None, {"code_set_missing"}
    name = code_set_name(code_set)
    if name not in code_sets():
        return sent, set() if sent is not None else {"code_set_unknown"}
    meanings = _codes()[name].get(plain_code(name, code), ())
    fitting = [one for one in meanings if not one.sold_by or (one.sold_by == "volume") == (unit in LIQUID)]
    if any(one.sold_by for one in meanings) and unit is None:
        return sent, {"code_ambiguous"}
    if not fitting:
        return sent, {"code_unknown"}
    found = fitting[0]
    flags = {"needs_review"} if found.needs_review else set()
    if sent is None or sent == found.product:
        return found.product, flags
    by_name = products_by_name()
    if found.product in SHARED_NAMES and sent in by_name and by_name[sent].family == by_name[found.product].family:
        return sent, flags  # the provider knows more than the network's code can say
    return found.product, flags | {"product_conflict"}


def code_set_name(text: str) -> str:
    """A code set's name as we write it: `Visa Fleet` is `visa_fleet`."""
    return "_".join(text.strip().lower().replace("-", " ").replace("_", " ").split())


def plain_code(code_set: str, code: str) -> str:
    """A code as its set writes it: spreadsheets drop leading zeros and add some."""
    text = " ".join(code.split()).upper()
    width = WIDTHS.get(code_set)
    return text.lstrip("0").rjust(width, "0") if width is not None and text.isdecimal() else text


@cache
def products_by_name() -> dict[str, Product]:
    """Every canonical product."""
    return {
        row["product"]: Product(row["product"], row["family"] or None, row["is_fuel"] == "true", row["meaning"])
        for row in _rows("products.csv")
    }


@cache
def code_sets() -> frozenset[str]:
    """The names of the code sets there are."""
    return frozenset(_codes())


@cache
def _codes() -> dict[str, dict[str, tuple[_Coded, ...]]]:
    sets: dict[str, dict[str, tuple[_Coded, ...]]] = {}
    ranges = []
    for row in _rows("product_codes.csv"):
        coded = _Coded(row["product"], row["sold_by"], row["needs_review"] == "true")
        codes = sets.setdefault(row["code_set"], {})
        if row["first"] == row["last"]:
            codes[row["first"]] = (*codes.get(row["first"], ()), coded)
        else:
            ranges.append((row["code_set"], int(row["first"]), int(row["last"]), coded))
    for code_set, first, last, coded in ranges:  # a code of its own goes before the range it is in
        for number in range(first, last + 1):
            sets[code_set].setdefault(plain_code(code_set, str(number)), (coded,))
    return sets


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader((files("ingest") / "fuel_cards" / name).read_text(encoding="utf-8").splitlines())
