"""The prepared homes and nodes of the session tests."""

from tests.session.conftest import homes, nodes

__all__ = ["homes", "nodes"]
