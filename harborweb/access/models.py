"""What access keeps."""

from harborweb.access.cache.models import Cache, PullReading

__all__ = ["Cache", "PullReading"]
