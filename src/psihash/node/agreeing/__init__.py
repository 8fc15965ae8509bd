"""Agreements with a peer: written, signed, taken in, and sent on."""
