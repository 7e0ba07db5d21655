"""What the templates of access use."""
