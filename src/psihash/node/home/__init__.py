"""A home: made, opened, configured, examined and renewed."""
