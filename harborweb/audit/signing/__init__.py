"""Choosing what is signed: many images by the audit's filter, and by rules."""
