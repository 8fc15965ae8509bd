"""Hits, requests to a peer, and their answers. Part of :mod:`psihash.storage.schema`."""

from __future__ import annotations
