"""Sweeps: begun, cut into parts, walked by every worker that is free, scheduled, shown."""
