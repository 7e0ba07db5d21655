"""What the pages show of a Harbor: its own lists, a page at a time, beside our verdicts."""
