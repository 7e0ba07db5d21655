"""How the audit is used in CI."""
