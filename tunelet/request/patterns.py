"""The patterns of names in a request. They mean the same in Python, Rust and JavaScript."""

from tunelet.text import limits

METRIC = limits.METRIC
NAME = f"^{limits.NAME}$"
PARAMETER_NAME = r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$"
IMAGE = r"^[^\s\x00-\x1f-][^\s\x00-\x1f]*$"
"""An image that began with a dash would be an option of the engine that runs it."""
LABEL = r"^[A-Za-z0-9]([A-Za-z0-9_./-]{0,98}[A-Za-z0-9])?$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
"""The name of a Secret, a service account and the like: a DNS subdomain."""
OBJECT_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
ABSOLUTE = r"^/[^:]*$"
