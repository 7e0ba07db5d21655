"""The hall: one page, and the frame around every page."""
