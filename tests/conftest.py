"""Settings of all tests."""

from hypothesis import settings

# No test asserts wall-clock time, and Hypothesis's deadline would.
settings.register_profile("tunelet", deadline=None)
settings.load_profile("tunelet")
