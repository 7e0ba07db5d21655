"""Backups of what an installation is: its configuration, its keys, its database. Images are named, not copied."""
