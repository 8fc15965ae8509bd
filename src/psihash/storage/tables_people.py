"""Operators, requests and decisions. Part of :mod:`psihash.storage.schema`."""

from __future__ import annotations
