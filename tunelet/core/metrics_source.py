"""Where and how the metrics of a run are read. Pure data."""

import msgspec


class MetricsSource(msgspec.Struct, frozen=True, kw_only=True):
    """The request's `metrics`, and the names of the metrics that the experiment needs."""

    source: str = "stdout"
    """"stdout", "file", "tensorboard" or "push"."""
    format: str = "text"
    """"text" or "json"."""
    path: str | None = None
    """The path of the file; for "tensorboard", of the folder with the event files."""
    pattern: str | list[str] | dict[str, str] | None = None
    """RE2 expressions for text: see `tunelet.training.regex`."""
    step: str | None = None
    """The metric that numbers the steps."""
    objectives: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """The metrics of the objectives, then of the constraints."""
        return self.objectives + self.constraints

    @property
    def pushed(self) -> bool:
        """Whether the training sends its metrics to the API itself."""
        return self.source == "push"

    @property
    def json(self) -> bool:
        return self.format == "json"

    @property
    def file(self) -> str | None:
        """The path, if the metrics are in a file or in event files."""
        return self.path if self.source in ("file", "tensorboard") else None
