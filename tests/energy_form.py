"""The objective of one layer in its parameters themselves, for tests that compare values and slopes."""

import math
from dataclasses import dataclass
from typing import Any

from flrdt.derive import Level, Network, objective
from flrdt.evaluate.solve.starts import system_of
from flrdt.evaluate.systems.system import Parts


@dataclass(frozen=True)
class EnergyForm:
    """``P = A + alpha B`` with slopes in ``(chi, p_2.., y_2..)``, through the system of the level."""

    network: Network
    level: Level
    name: str = "arb"

    @property
    def system(self) -> Any:
        return system_of(self.network, self.level, self.name)

    @property
    def backend(self) -> Any:
        return self.system.backend

    def split(self, z: Any) -> tuple[Any, list, list]:
        """chi, the overlaps p_2.. and the lifting parameters y_2.. of a parameter vector."""
        count = 1 + len([s for s in objective(self.network, self.level).parameters() if str(s).startswith("p_")])
        return z[0], list(z[1:count]), list(z[count:])

    def grid(self, floats: Any, digits: int, strip: float = 1.0) -> Any:
        return None if self.level.closed else self.system.grids([float(v) for v in floats], digits, strip)[0]

    def bits(self, z: Any, digits: int) -> int:
        grid = self.grid([float(self.backend.to_mpf(v)) for v in z], digits)
        return math.ceil(4 * digits + 40) if grid is None else grid.bits

    def terms(self, z: Any, grid: Any, gradient: bool = False) -> Parts:
        system = self.system
        if self.level.closed:
            found = system.parts(system.coordinates(z), None, int(gradient))
            dA, dB = ([d / v for d, v in zip(s, z, strict=False)] for s in (found.dA, found.dB))
            return Parts(found.A, found.B, dA if gradient else (), dB if gradient else ())
        A, B = system.raw([self.backend.number(v) for v in z], [grid], int(gradient))
        return Parts(A.value, B.value, A.slope, B.slope)
