"""What is kept of sessions and for how long, and the figures drawn from it."""
