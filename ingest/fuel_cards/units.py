"""In which unit was something sold?

Providers write units in many ways; kept are these few. A unit that nobody knows is kept as it was sent.
"""

LIQUID = frozenset({"gal", "imp_gal", "l"})
ELECTRIC = frozenset({"kwh", "charging_minute"})
UNITS = LIQUID | ELECTRIC | {"kg", "lb", "each"}

_ALIASES = {
    "gal": ("ga", "gl", "g", "gallon", "gallons", "us gal", "us gallon", "us gallons", "usg"),
    "imp_gal": ("imp gal", "imperial gallon", "imperial gallons", "uk gal", "uk gallon", "ig"),
    "l": ("lt", "ltr", "liter", "liters", "litre", "litres"),
    "kwh": ("kilowatt hour", "kilowatt hours", "kw h"),
    "charging_minute": ("charging minute", "charging minutes"),
    "kg": ("kilogram", "kilograms", "kgs"),
    "lb": ("pound", "pounds", "lbs"),
    "each": ("ea", "unit", "units", "pc", "pcs", "piece", "item", "items"),
}
_CANONICAL = {alias: unit for unit, aliases in _ALIASES.items() for alias in (unit.replace("_", " "), *aliases)}


def unit_of(text: str) -> str | None:
    """The unit that a provider's word means; None for a word that nobody knows."""
    return _CANONICAL.get(" ".join(text.lower().replace("_", " ").replace("-", " ").replace(".", " ").split()))
