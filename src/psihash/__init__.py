"""psihash: private matching of hash sets between agencies, under a signed agreement.

Start reading at :mod:`psihash.session.machine`; ``docs/life-of-a-session.md`` tells the story.
"""

__version__ = "0.1.0"
