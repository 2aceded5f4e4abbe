import numpy as np
import pytest

from kernels.engine import engine_state
from tests.kernels.tracks import NAN


def state_of(rpm, ignition, plugged, voltage_v):
    columns = np.float32([rpm]), np.int8([ignition]), np.array([plugged], dtype=np.bool_), np.float32([voltage_v])
    return int(engine_state(*columns)[0])


@pytest.mark.parametrize(
    ("rpm", "ignition", "plugged", "voltage_v", "state"),
    [
        (800, 0, False, 12.0, 1),
        (0, 1, False, 14.0, 0),  # accessory mode
        (NAN, 1, True, 12.0, 1),  # ready on its cable, for its heating
        (NAN, 0, False, 14.0, 0),
        (NAN, -1, True, 14.0, 0),  # the charger lifts the voltage
        (NAN, -1, True, NAN, 0),
        (NAN, -1, False, 13.2, 1),
        (NAN, -1, False, 13.19, 0),
        (NAN, -1, False, NAN, -1),
        (-1, 1, False, NAN, 1),
    ],
)
def test_the_best_source_decides(rpm, ignition, plugged, voltage_v, state):
    assert state_of(rpm, ignition, plugged, voltage_v) == state


def test_a_column_of_another_type_is_refused():
    with pytest.raises(TypeError, match="voltage_v: expected float32, got float64"):
        engine_state(np.float32([0]), np.int8([0]), np.array([False]), np.array([12.0]))
