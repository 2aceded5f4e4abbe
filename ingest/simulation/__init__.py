"""A simulated delivery fleet whose truth is known exactly.

    city, day -> journey (exact position, speed and engine at every instant)
        -> tracker (what a device measures) -> uplink (what it sends)
        -> paperwork (plans, fuel purchases), faults, truth, dimensions

`simulate` puts it together. Nothing in it is a real person, street or door.
"""

from ingest.simulation.assembly import Simulation, simulate

__all__ = ["Simulation", "simulate"]
