"""What this agency holds: imported, looked up, erased."""
