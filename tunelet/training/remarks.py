"""What the reason of an outcome says beside the fact that a metric has no value."""

from collections.abc import Iterable, Sequence

_SHOWN_NAMES = 10
_SHOWN = 100


def missing_values(missing: Iterable[str], found: Sequence[str]) -> str:
    """Which metrics there were instead of the `missing` ones, and which of them was meant."""
    if not found:
        return "no other metric was found either"
    names = ", ".join(map(shown, found[:_SHOWN_NAMES]))
    parts = [f"found: {names}{', …' if len(found) > _SHOWN_NAMES else ''}"]
    parts += [f'did you mean "{shown(like)}"?' for like in similar(missing, found)]
    return "; ".join(parts)


def similar(missing: Iterable[str], found: Sequence[str]) -> list[str]:
    """For each of `missing` the most similar name in `found`, if one is similar."""
    # Only where a value is missing: it takes memory, and there is a collector in every pod.
    import difflib

    folded: dict[str, str] = {}
    for name in found:
        folded.setdefault(name.casefold(), name)
    like = [difflib.get_close_matches(name.casefold(), folded, 1, 0.5) for name in missing]
    return list(dict.fromkeys(folded[names[0]] for names in like if names))


def shown(text: str, longest: int = _SHOWN) -> str:
    """Text with printable characters only, cut to `longest` characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if c.isprintable() else "\ufffd" for c in cut)
