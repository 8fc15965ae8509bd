"""Standing queries: made, approved, run by the schedule, told to people and to a local program."""
