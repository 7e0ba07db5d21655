"""Harbor's own API v2.0, on top of the registry it also is. No pages."""
