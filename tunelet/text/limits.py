"""How large names and numbers may be, each limit in one place."""

from tunelet.text.lazy_pattern import lazy_pattern

NAME = "[a-z]([a-z0-9-]{0,38}[a-z0-9])?"
"""The name of an experiment or a namespace: a DNS label of at most 40 characters, so that a Job's
name (Run.name) fits into 63."""

CALLER = "[0-9a-z]{1,32}(-[0-9a-z]{1,32}){0,2}"
"""The name of a study's caller, or of one call of it."""

SAFE_INTEGER = 2**53 - 1
"""Beyond this, programs in other languages read another integer (RFC 7493, section 2.2)."""

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
"""Integers in a request."""

LARGEST_UNSIGNED = 2**64 - 1
"""Integers in any JSON: a report may have unsigned ones, and is kept as floats."""

METRIC_LENGTH = 128
"""Characters of a metric's name."""

METRICS = 1_000
"""Different metrics of a trial, besides those that its experiment names."""

STEPS = 10_000
"""Steps at which a trial has values."""

REPORTS_BYTES = 4 << 20
"""What the reports of a trial may take of its experiment's log, and of each snapshot while it
runs: 10,000 steps of ten metrics."""

MOST_TRIALS = 1_000_000
"""Trials of an experiment."""

IMPORTED = 1_000
"""Trials of one request to import: they are one entry of the log."""

REASON_LENGTH = 1_000
"""Characters of the reason of an imported trial."""

NOTE_LENGTH = 1_000
"""Characters of a note on a trial."""

NOTE_BYTES = 4 << 10
"""Of a note that is set on an experiment or on one of its trials."""

NOTES_BYTES = 256 << 10
"""Of all notes that were set on the trials of an experiment: its state keeps them."""

LABELS = 64
"""Of an experiment."""

BODY_BYTES = 1 << 20
"""Of a request's body, unless an installation chooses another limit."""

OUTPUT_BYTES = 1 << 20
"""Compressed, of an attempt's output in the store, unless an installation chooses another limit."""

CONDITIONS = 64
"""How many conditions may depend on each other: some libraries go down them by recursion."""


# No control characters, which a terminal would obey, none that cannot be seen, and no blank other
# than U+0020, which looks like one. Python, Rust and JavaScript read this alike.
_UNSEEN = (
    r"\s\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
)
METRIC = rf"^[^{_UNSEEN}=](([^{_UNSEEN}=]| ){{0,{METRIC_LENGTH - 2}}}[^{_UNSEEN}=])?$"
"""A metric that a request names: also no = and no blanks at its ends, or no text would give it."""
_METRIC = lazy_pattern(rf"(?:[^{_UNSEEN}\ud800-\udfff]| ){{1,{METRIC_LENGTH}}}")


def is_metric_name(name: str) -> bool:
    """Whether a metric may be called so."""
    return _METRIC.fullmatch(name) is not None
