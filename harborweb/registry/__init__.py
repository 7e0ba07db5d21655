"""A registry that answers: the OCI distribution API. No pages."""
