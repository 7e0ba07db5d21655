"""Who is trusted that signs by certificate: the trusted root, and the identities that count."""
