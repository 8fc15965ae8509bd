"""Engines that compute an intersection, and what they are given."""
