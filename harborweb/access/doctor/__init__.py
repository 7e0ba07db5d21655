"""The connection doctor: asks through the public address what docker asks, and names the hop that is wrong."""
