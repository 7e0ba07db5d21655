"""The board: what the name of Harbor means, and whether it answers, seen from several places side by side."""
