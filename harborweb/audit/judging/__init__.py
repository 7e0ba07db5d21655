"""What a registry has is asked for and judged; no database."""
