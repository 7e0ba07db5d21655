"""Reports in the forms that other programs and people read; each module holds one, and none asks a database."""
