"""Schema migrations, run by :mod:`psihash.storage.migrate`."""
