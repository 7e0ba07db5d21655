"""What a key means for the verdicts: its signatures, what a limit would do, judging again, rotation."""
