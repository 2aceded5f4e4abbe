"""How are figures, times and money written for one reader?

The only place where storage units (metres, litres, seconds, UTC) become the reader's: units of the United States or
metric, numbers and dates as the reader's locale writes them (Unicode CLDR, by Babel). The words stay English.
"""

import re
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

from flows.report.units import NOT_KNOWN, US, Units, economy

DAYS = {"en_US": "EEE d MMM"}  # without the comma of CLDR, which a subject of several parts cannot bear


_US_UNITS, _METRIC_UNITS = ("gal", "ft", "mi", "mpg"), ("L", "m", "km", "L/100 km")
_UNIT = "|".join(_METRIC_UNITS[::-1] + _US_UNITS)
_TWO_UNITS = re.compile(rf"(\d+(?:\.\d+)?) ({_UNIT}) \((\d+(?:\.\d+)?) ({_UNIT})\)")
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d) (\d\d:\d\d)\b")


class UnknownLocale(Exception):
    """No such locale, such as `en_US`, `de_DE` or `es_US`."""


class Style(NamedTuple):
    """Whose units, numbers and dates."""

    units: Units = US
    locale: str = "en_US"

    def checked(self) -> "Style":
        """Return itself; raises UnknownLocale for a locale that CLDR does not have."""
        try:
            Locale.parse(self.locale)
        except (UnknownLocaleError, ValueError) as error:
            raise UnknownLocale(f"no such locale: {self.locale!r}; use one such as en_US, de_DE or es_US") from error
        return self

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Write a number with its groups, `1,250` or `1.250`."""
        if value is None:
            return NOT_KNOWN
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(round(value, decimals), pattern, locale=self.locale).replace("-", "−")

    def percent(self, share: float | None, decimals: int = 0) -> str:
        """Write a share of 0 to 1, `28.7 %`."""
        return NOT_KNOWN if share is None else f"{self.number(100 * share, decimals)} %"

    def signed(self, value: float, decimals: int = 0) -> str:
        """Write a number with its sign, `+3.1`, `−0.4`, `±0`."""
        rounded = round(value, decimals)
        if rounded == 0:
            return "±0"
        return f"{'+' if rounded > 0 else '−'}{self.number(abs(rounded), decimals)}"

    def money(self, amount: float | None, currency: str | None, *, cents: bool = False) -> str:
        """Write an amount: whole from 10 up unless `cents`, with cents below; `$54`, `54 €`, `2,39 €`."""
        if amount is None:
            return NOT_KNOWN
        return self._money(amount, currency, 0 if abs(amount) >= 10 and not cents else 2)

    def price(self, per_l: float | None, currency: str | None) -> str:
        """Write a price per volume as stations do, with tenths of a cent: `$3.459`, `0,914 €`."""
        return NOT_KNOWN if per_l is None else self._money(per_l * self.units.litres, currency, 3)

    def _money(self, amount: float, currency: str | None, decimals: int) -> str:
        if not currency:
            return self.number(amount, decimals)
        # A currency has its own digits in CLDR; ours follow the size of the amount.
        value = round(amount, decimals)
        whole = Locale.parse(self.locale).currency_formats["standard"].pattern
        pattern = whole.replace(".00", "." + "0" * decimals if decimals else "")
        text = format_currency(abs(value), currency, pattern, locale=self.locale, currency_digits=False)
        text = re.sub(r"(?<=[A-Z])(?=\d)", "\u00a0", text)
        return f"{'−' if value < 0 else ''}{text}"

    def distance(self, metres: float | None, decimals: int = 0) -> str:
        """Write a distance, `1,564 mi`."""
        if metres is None:
            return NOT_KNOWN
        return f"{self.number(metres / self.units.metres, decimals)} {self.units.distance}"

    def volume(self, litres: float | None, decimals: int = 1) -> str:
        """Write a volume, `21.0 gal`."""
        if litres is None:
            return NOT_KNOWN
        return f"{self.number(litres / self.units.litres, decimals)} {self.units.volume}"

    def economy(self, distance_m: float | None, fuel_l: float | None) -> str:
        """Write distance per fuel or fuel per distance, `13.6 mpg` or `17.3 L/100 km`."""
        value = economy(distance_m, fuel_l, self.units)
        return NOT_KNOWN if value is None else f"{self.number(value, 1)} {self.units.economy}"

    def minutes(self, seconds: float) -> str:
        """Write a length of time as a person would say it: `45 s`, `71 min`, `3 h 10 min`, `54 h`."""
        if seconds < 90:
            return f"{self.number(seconds)} s"
        whole_min = round(seconds / 60)
        if whole_min < 120:
            return f"{self.number(whole_min)} min"
        if whole_min >= 24 * 60 or whole_min % 60 == 0:
            return f"{self.number(seconds / 3600)} h"
        return f"{whole_min // 60} h {whole_min % 60} min"

    def hours_minutes(self, seconds: float | None) -> str:
        """Write a length of time for a table, `8:34`."""
        if seconds is None:
            return NOT_KNOWN
        hours, rest_min = divmod(round(seconds / 60), 60)
        return f"{hours}:{rest_min:02}"

    def signed_minutes(self, seconds: float) -> str:
        """Write a delay in whole minutes with its sign, `+5`, `−3`, `±0`."""
        return self.signed(round(seconds / 60))

    def evidence(self, sentence: str) -> str:
        """Return a sentence of a fuel rule with the reader's unit first, and those figures and dates in the locale.

        `99.7 gal (377.5 L)` becomes `377,5 L (99,7 gal)`: rules write the unit of the record first, as Americans do.
        """
        ours = _METRIC_UNITS if not self.units.economy_is_distance_per_fuel else _US_UNITS

        def turned(found: re.Match[str]) -> str:
            pairs = [(found[1], found[2]), (found[3], found[4])]
            first, second = pairs if found[2] in ours else pairs[::-1]
            return f"{self._rewritten(first[0])} {first[1]} ({self._rewritten(second[0])} {second[1]})"

        def dated(found: re.Match[str]) -> str:
            try:
                return f"{self.day(date.fromisoformat(found[1]))} {found[2]}"
            except ValueError:  # in the name of a site anything may stand
                return found[0]

        return _MOMENT.sub(dated, _TWO_UNITS.sub(turned, sentence))

    def _rewritten(self, figure: str) -> str:
        return self.number(float(figure), len(figure.partition(".")[2]))

    def position(self, latitude: float | None, longitude: float | None) -> str:
        """Write a position, latitude first: `40.6010, -74.3003` or `40,6010; -74,3003`, with a minus that maps read."""
        if latitude is None or longitude is None:
            return NOT_KNOWN
        parts = [format_decimal(round(angle, 4), "0.0000", locale=self.locale) for angle in (latitude, longitude)]
        return ("; " if any("," in part for part in parts) else ", ").join(parts)

    def clock(self, instant_utc: datetime | None, timezone: str) -> str:
        """Write the local time of an instant on a clock of 24 hours, `10:05`."""
        if instant_utc is None:
            return NOT_KNOWN
        return format_time(instant_utc, "HH:mm", tzinfo=ZoneInfo(timezone), locale=self.locale)

    def day(self, value: date) -> str:
        """Write a date, `Thu 26 Feb` or `Do., 26. Feb.`."""
        pattern = DAYS.get(self.locale) or Locale.parse(self.locale).datetime_skeletons["MMMEd"].pattern
        return format_date(value, pattern, locale=self.locale)

    def weekday(self, value: date) -> str:
        """Write the name of the day of the week, `Thursday`."""
        return format_date(value, "EEEE", locale=self.locale)

    def month(self, value: date) -> str:
        """Write a month, `February 2026`."""
        return format_date(value, Locale.parse(self.locale).datetime_skeletons["yMMMM"].pattern, locale=self.locale)

    def local_day(self, instant_utc: datetime, timezone: str) -> str:
        """Write the local date and time of an instant, `Thu 26 Feb 17:48`."""
        local = instant_utc.astimezone(ZoneInfo(timezone))
        return f"{self.day(local.date())} {self.clock(instant_utc, timezone)}"

    def counted(self, number: int, thing: str) -> str:
        """Write a count with its thing, `1 route`, `1,250 routes`."""
        return f"{self.number(number)} {thing}" if number == 1 else f"{self.number(number)} {thing}s"

    def listed(self, things: list[str], most: int = 4) -> str:
        """Write a list as in a sentence, `V12, V19 and V03`; beyond `most` the rest is counted."""
        if len(things) > most:
            things = [*things[:most], f"{self.number(len(things) - most)} more"]
        return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}" if things else ""


AMERICAN = Style()
