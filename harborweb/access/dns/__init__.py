"""Text for the DNS server of a LAN, so that Harbor's name leads to its address there."""
