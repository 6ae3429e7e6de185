"""Values as reasons show them."""

from tunelet.ports import Objective


def shown(value: float) -> str:
    return f"{value:.6g}"


def adjective(objective: Objective) -> str:
    """What a worse value is, by the direction."""
    return "above" if objective.direction == "minimize" else "below"
