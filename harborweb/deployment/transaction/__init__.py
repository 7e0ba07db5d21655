"""Deploying as a transaction: what it needs to leave a host either as it was or as it was asked to be."""
