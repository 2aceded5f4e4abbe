"""In which units may a source say a value, and what is one of each in ours?"""

# What one of the unit is in ours. A field with a choice of units has to name its own.
SPEED = {"km/h": 1.0, "m/s": 3.6, "cm/s": 0.036, "mph": 1.609344, "knots": 1.852}
LENGTH = {"m": 1.0, "km": 1_000.0, "100 m": 100.0, "mi": 1_609.344, "ft": 0.3048}
VOLUME = {"l": 1.0, "dl": 0.1, "ml": 0.001, "us_gal": 3.785411784, "imp_gal": 4.54609}
SHARE = {"%": 1.0, "fraction": 100.0}
UNITS: dict[str, dict[str, float]] = {
    "spd_kmh": SPEED,
    "odo_m": LENGTH,
    "alt_m": LENGTH,
    "acc_m": LENGTH,
    "fuel_l": VOLUME,
    "fuel_used_l": VOLUME,
    "fuel_pct": SHARE,
    "soc_pct": SHARE,
    "batt_v": {"V": 1.0, "mV": 0.001},
    "energy_out_kwh": {"kWh": 1.0, "Wh": 0.001},
}
