"""Two registries side by side, as the last sweeps of each saw them: what one has and the other lacks."""
