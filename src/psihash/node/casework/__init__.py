"""What follows a hit: confirmation, requests, answers, corrections."""
