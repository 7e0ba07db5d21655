"""harborweb: configure, deploy, sign and audit a Harbor registry from the browser."""

__version__ = "0.1.0"
