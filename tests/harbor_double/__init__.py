"""A Harbor that is none: API v2.0 as it was recorded, in front of a real registry, for tests and the demo.

The fixture `harbor` is a fresh one; `with harbor_double(folder) as double:` runs one by hand, and the command
`bin/manage harbor_double` in a process of its own. Fill it by `double.state` (`seed` makes tens of thousands of
artifacts at once) or by its API, break it by `double.faults`. Two tests keep it honest: `test_recordings.py` plays
every recording of a real Harbor to it, and each answer in any test is held against the contract (`contract.py`),
where a breach fails the test.

model, state            what it knows              front, faults           the door, and bad days
who, tokens             who may what               routing, answers        addresses, and the forms of answers
projects … webhooks     the rooms of the API       distribution            `/v2/`
bookkeeping, copying    what a push teaches        proxying, upstreams     proxy caches
backend, adopting       the registry behind        deliveries              webhook messages
replay, stage           plays the recordings       contract, differences   the contract
"""

from tests.harbor_double.server import HarborDouble, harbor_double

__all__ = ["HarborDouble", "harbor_double"]
