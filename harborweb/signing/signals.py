"""What signing tells the rooms above it."""

from django.dispatch import Signal

# Sent in the worker once a signature was made and verified: registry, repository (str), digest (str).
signed = Signal()

# The same for several digests of one repository: registry, repository (str), digests (list of str).
signed_many = Signal()
