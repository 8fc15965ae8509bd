"""The central set: what a centre publishes, and how a member matches against it.

RFC 9497 in mode VOPRF over ristretto255, one key for each epoch, the same for all members. Start
reading at :mod:`psihash.central.derive`. Pure: bytes in, bytes out.
"""
