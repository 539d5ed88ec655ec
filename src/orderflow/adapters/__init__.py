"""Systems that stand behind the ports: runnable references, each with books of its own.

`orderflow.adapters.memory` keeps them in memory: for the first order, for tests, and as the plainest statement of what
each port has to do. Nothing is imported here, so that a host pays only for the adapters that it uses.
"""

from __future__ import annotations

__all__: list[str] = []
