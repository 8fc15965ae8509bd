"""Sessions: opened, answered, recorded, settled, and shown."""
