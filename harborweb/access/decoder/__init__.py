"""The error decoder: what a client said, and what it means for this Harbor. Nothing that is pasted is kept."""
