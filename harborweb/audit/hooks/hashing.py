"""What is kept of the secrets of webhooks."""

from django.utils.crypto import salted_hmac


def hashed(secret: str) -> str:
    """A keyed hash of `secret`, worth nothing without the app's own secret."""
    return salted_hmac("harborweb.audit.hooks", secret, algorithm="sha256").hexdigest()
