"""What changed from one look at a registry to the next: written as verdicts are kept, read, and forgotten in time."""
