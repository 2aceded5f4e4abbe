"""What is packed messages' format, as far as kernels need to know it? That of docs/messages.md."""

import numpy as np

from kernels.compiled import part
from kernels.point_cells import NUMBERS

MAX_PACKED_POINTS = 7_200
VERSION = 1
MAGIC = b"\xd0oP"
UNITS = {
    **{"lat": 10_000_000, "lon": 10_000_000, "spd_kmh": 100, "hdg_deg": 10, "alt_m": 10, "hdop": 100, "acc_m": 10},
    **{"rpm": 1, "odo_m": 1, "fuel_pct": 100, "fuel_l": 1_000, "fuel_used_l": 1_000, "batt_v": 1_000},
    **{"soc_pct": 100, "energy_out_kwh": 1_000, "sat": 1},
}
COLUMNS = (
    *("lat", "lon", "spd_kmh", "hdg_deg", "ign", "boot", "seq", "odo_m", "fuel_pct", "rpm", "sat", "hdop", "acc_m"),
    *("alt_m", "batt_v", "fuel_used_l", "fuel_l", "route_id", "soc_pct", "energy_out_kwh", "charging", "pto", "valid"),
    *("nofix", "his", "private"),
)
HEAD = np.frombuffer(MAGIC + bytes([VERSION]), np.uint8)
SHARE = 64  # messages that one thread reads at a time
assert set(UNITS) | {"ts", "seq"} == {*NUMBERS, "seq", "sat"}


@part
def number_at(text, at):
    """A number of seven bits a byte, shifted left by eight, plus how many bytes it took; 0 for one that is too long."""
    value, size = np.int64(0), np.int64(0)
    while size < 8:
        byte = np.int64(text[at + size])
        value |= (byte & 0x7F) << 7 * size
        size += 1
        if byte < 0x80:
            return value << 8 | size
    return np.int64(0)
