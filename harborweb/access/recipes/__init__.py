"""Text for the reverse proxy in front of Harbor, every line with what it is for."""
