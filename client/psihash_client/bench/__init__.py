"""``psihash bench``: whole sessions between two node processes on this machine, side by side."""
