"""The central set: publishing one, and matching against that of a peer."""
