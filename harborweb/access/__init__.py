"""How people reach Harbor: reverse proxy, names in the LAN, client set-up, and what is wrong on the way."""
