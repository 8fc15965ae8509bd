"""How the approvers' pages of both sides say what a collection of a contribution holds."""

from __future__ import annotations

from psihash.casework.contribution_review import Reviewed


def described(counted: Reviewed) -> str:
    """By count, and not by the contribution's own word."""
    silent = counted.items - counted.identified - counted.not_identified
    return (
        f"{counted.items:,} items under {counted.series:,} series. The victim is said to be "
        f"identified for {counted.identified:,} of them, not identified for "
        f"{counted.not_identified:,}; nothing is said of {silent:,}."
    )
