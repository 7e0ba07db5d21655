"""What Harbor itself says of signatures, and where that and cryptography disagree."""
