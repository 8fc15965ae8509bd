"""The prepared homes and nodes of the session tests, and of those of the central set."""

from tests.central.conftest import two
from tests.session.conftest import homes, nodes

__all__ = ["homes", "nodes", "two"]
