"""The text of a harbor.yml: read, change, repair and merge it, and leave every other byte alone."""
