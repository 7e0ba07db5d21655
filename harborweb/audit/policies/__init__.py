"""Policies: what is wanted of a registry's images, what follows from it, and what a change would mean."""
