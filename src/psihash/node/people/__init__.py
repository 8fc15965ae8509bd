"""Who acts for this agency, what waits for them, and what they decide."""
