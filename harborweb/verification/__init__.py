"""Is this signature good? Pure: bytes in, verdict out; no Django, no I/O."""
