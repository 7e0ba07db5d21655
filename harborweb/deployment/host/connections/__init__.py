"""Real connections to the servers that a harbor.yml names, with the exact words of the other side."""
