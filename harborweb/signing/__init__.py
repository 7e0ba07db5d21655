"""Keys, signing and verifying by cosign."""
