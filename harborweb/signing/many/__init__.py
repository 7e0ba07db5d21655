"""Many images signed by one job that survives its worker."""
