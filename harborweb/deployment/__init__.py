"""What runs: installer, prepare, compose, health."""
