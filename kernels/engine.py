"""Is the engine on, or an electric van ready? From the best of four sources, for every row.

    rpm was sent         on above 0; at 0 it is off, also with the ignition on: accessory mode is not idling
    ignition was sent    as it says
    it is plugged in     off: a van on its cable cannot leave, whatever its charger does to the voltage
    voltage was sent     on from 13.2 V: the alternator is charging
    nothing was sent     not known

13.2 V: a lead-acid battery at rest shows 12.8 V at most, a running alternator 13.5 V or more.
"""

import numpy as np

from kernels.track import Codes, Flags, Speeds, column

ON, OFF, NOT_KNOWN = np.int8(1), np.int8(0), np.int8(-1)
CHARGING_V = np.float32(13.2)


def engine_state(rpm: Speeds, ignition: Codes, plugged: Flags, voltage_v: Speeds) -> Codes:
    """Return int8 (n_rows,): 1 on, 0 off, -1 not known.

    rpm        float32 (n_rows,)  engine speed, NaN where none was sent; below 0 counts as not sent
    ignition   int8 (n_rows,)     1 on, 0 off, -1 not known
    plugged    bool (n_rows,)     an electric van that charges while it stands; braking charges it as well
    voltage_v  float32 (n_rows,)  of the vehicle, not of the tracker's battery; NaN where none was sent
    """
    rpm = column("rpm", rpm, np.float32)
    ignition = column("ignition", ignition, np.int8, rpm.size)
    plugged = column("plugged", plugged, np.bool_, rpm.size)
    voltage_v = column("voltage_v", voltage_v, np.float32, rpm.size)
    # Comparisons with NaN are false, so a value that was not sent falls through to the next source.
    return np.select(
        [rpm > 0, rpm == 0, ignition == ON, ignition == OFF, plugged, voltage_v >= CHARGING_V, voltage_v < CHARGING_V],
        [ON, OFF, ON, OFF, OFF, ON, OFF],
        NOT_KNOWN,
    ).astype(np.int8)
