"""Programs that are not ours: no Django, no database."""
