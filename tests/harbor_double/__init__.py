"""A Harbor that is none: API v2.0 as it was recorded, in front of a real registry, for tests and the demo."""

from tests.harbor_double.server import HarborDouble, harbor_double

__all__ = ["HarborDouble", "harbor_double"]
