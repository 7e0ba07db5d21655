"""From what runs to a newer installer, and back."""
