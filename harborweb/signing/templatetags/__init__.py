"""Template tags of signing."""
