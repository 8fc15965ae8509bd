"""Public helpers for tests and the demo: synthetic lists with a clear-text truth beside them.

Nothing that runs in service imports this package.
"""

from __future__ import annotations

from psihash.testing.scenario import (
    LAYOUTS,
    RECIPES,
    Agency,
    ListFile,
    Scenario,
    generate,
)

__all__ = ["LAYOUTS", "RECIPES", "Agency", "ListFile", "Scenario", "generate"]
