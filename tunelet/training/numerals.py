r"""Numbers in text: read completely or not at all.

A number is ASCII digits with a decimal point and an exponent, or NaN or infinity in any case.
`0,35`, `1,234.5`, `1.234,5`, `1'234`, `1_000`, `1 234`, `93.5%`, `3ms`, `1/3`, `1.2.3`, `12:30`,
`1-2`, `0x1F`, `1e`, `1+2j` and `0.1 -> 0.01` are not numbers, because a part of them would be
another number. Nor is a number before a unit, a word such as million, or an exponent after a blank
(`3 ms`, `5 it/s`, `1.5 e-3`). One blank before exactly three digits may separate thousands,
decimals or columns (`1 234`, `0.123 456`), so these are not numbers either. If several numbers
follow each other (`0.6, 0.7`), none counts. The value of `0.5 ± 0.1` and `0.5 +/- 0.1` is 0.5. A
number beyond the range of a double is infinite.
"""

# ruff: noqa: RUF001 (the signs of other scripts are meant)

import re

from tunelet.core.trial import Number, plain
from tunelet.text.lazy_pattern import lazy_pattern

# Possessive quantifiers give the same matches as greedy ones here, and never backtrack.
NUMBER = (
    r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
    r"|(?i:nan|inf(?:inity)?+))"
)

PERCENT = "%％﹪٪"
UNIT = (
    r"(?:(?:percent(?:age)?|per cent|pct|pp|[kKMGTP]|[kKMGTP]?i?[bB]|bytes|[mnuµμ]?s|sec(?:ond)?s?"
    r"|msecs?|min(?:ute)?s?|h|hrs?|hours?|days?|[kcMGmµμ]?(?:Hz|Wh?|V|J|g|m)|dB|EUR|USD|GBP"
    r"|hundred|thousand|[mb]illions?|trillions?|mln|bn|lakhs?|crores?|dozen)(?!\w)"
    r"|[A-Za-zµ]{1,20}+/(?:s|sec|second|min|minute|h|hr|hour|day|it|iter|step|batch|epoch|sample"
    r"|image|img|tok|token|example)(?![\w/]))(?!\s*+[=:：])"
)
_NEXT = r"\s*+[+\-−]?[.(]?[0-9]"
_GOES_ON = (
    rf"[{PERCENT}‰‱$€£¥₹°¹²³¼½¾⁰-₉⅐-⅟\u00ad\u200b-\u200f\u2060]|[(\[]\s?[{PERCENT}‰]|(?:[*×·^]{{1,2}}|[/÷→⇒]|-*+>|=>|\+){_NEXT}"
    rf"|(?:to|of|out of|x)\s?[0-9](?!\w*+\s*+[=:])|[-−–—]\s?{NUMBER}(?![\w/%])|{UNIT}"
    r"|[eEdD][+-]?[0-9]++(?!\w)(?!\s*+[=:：])"
)
AND_MORE = (
    rf"(?:\s*+[,;|~、]\s*+|\s++(?:(?:and|or|vs\.?)\s++)?+){NUMBER}"
    r"(?=\s*+(?:$|[,;|)\]}])|\s++(?:[+-]?[0-9]|-\s|[^\W\d][\w./@-]*+\s*+[=:]))"
)
"""Another number without a name: the values of a list, or columns."""
END = (
    rf"(?!{AND_MORE})(?=$|\.(?:\s|$|[)\]}}'\"])|[,，、](?![\d.+−-])|[:：](?!\d)|\\[nrt\"']"
    rf"|['’\"”»)\]}}>|;!?；。）】](?![\d{PERCENT}‰])|±|\+/-"
    rf"|\s++(?!{_GOES_ON})(?!(?<![ \t])\d))"
)
"""A lookahead for what may follow a number. After anything else it is not a number."""

_NUMBER = lazy_pattern(NUMBER)
_MORE_DIGITS = lazy_pattern(r" (?:[0-9]{2,3} )*[0-9]{3}(?![0-9])")
_FIRST_GROUP = lazy_pattern(r"[+-]?[0-9]{1,3}(?:\.(?:[0-9]{3})+)?")
_THREE_DIGITS = lazy_pattern(r"(?:[0-9]{2} )*[0-9]{3}(?![0-9])")
_SEPARATORS = ".,'’_٫٬·˙，．。"
_SIGNS = "+-−–—‐‑‒―﹘﹣－＋﹢⁻₋∓"
_INVISIBLE = lazy_pattern("[\u00ad\u0300-\u036f\u200b-\u200f\u2060\u20d0-\u20ff\ufe0f]")
"""Characters that combine with the one before."""
_EXPONENT = lazy_pattern(r"[eEdDqQfFpP][+-]?[0-9]")
_OTHER_DIGITS = lazy_pattern(r"(?<!\w)[^\D\x00-\x7f]")
_SIGN_BEFORE = lazy_pattern(rf"(?:^|[=:：(\[{{,;|'\"])\s*+[{re.escape(_SIGNS)}]\s++$")
_QUOTES = "'\"`"
_PUNCTUATION = ",;:!?)]}|"
_BESIDE = f"{PERCENT}‰‱_°$€£/*^×·→~+"
_DEVIATION = lazy_pattern(r"\+[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?(?![\w.,+-])")
"""A deviation after a mean, without blanks. Exponents in this form (1.5+102) have no point."""
_GROUPED = lazy_pattern(r"[0-9]{1,3}(?:\.[0-9]{3})*|[0-9]+")
_BEFORE_COMMA = lazy_pattern(r"(?<![0-9.])[0-9.]{1,40}$")
_AFTER_COMMA = lazy_pattern(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_OTHER_FORM = lazy_pattern(
    r"(?<![^\s=:：(\[{'\"|,;>])[+-]?(?i:nan|inf(?:inity)?)(?!\w)"
    r"|(?<![\w.,])(?:(?![0-9]++\.[0-9]++(?![,'’_.][0-9]| [0-9]{3}(?![0-9])))[0-9]++"
    r"(?:[,'’_.\u00a0\u2009\u202f][0-9]++| [0-9]{3}(?![0-9]))++)"
)
_BLANKS = lazy_pattern(r"\s++")
_AFTER_BLANKS = lazy_pattern(_GOES_ON)


def measured(value: object) -> Number | None:
    """Return a text or a JSON value as a number; None if it is anything else."""
    if isinstance(value, str):
        return plain(float(value)) if _NUMBER.fullmatch(value.strip(" \t")) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return plain(float(value))
    except OverflowError:
        return None


def others_as_digits(line: str) -> list[tuple[str, set[int]]]:
    """Return copies of the line with digits in place of other numbers, and the places of these.

    The other numbers are NaN, infinity and numbers with separators. So a pattern for digits notices
    that a training diverged, or now prints 1,050.5. In the first copy the last separator is a
    decimal point, in the second there is none.
    """
    places = {each.start() for each in _OTHER_FORM.finditer(line)}
    if not places:
        return []
    forms = (_OTHER_FORM.sub(digits, line) for digits in (_with_point, _without_point))
    return [(form, places) for form in forms]


def _with_point(match: re.Match[str]) -> str:
    text = match[0]
    if not any(map(str.isdigit, text)):
        return "0.".ljust(len(text), "0")
    point = "." if text.count(".") == 1 else text.strip("0123456789")[-1]
    begin, mark, end = text.rpartition(point)
    return _without(begin) + "." * len(mark) + _without(end)


def _without_point(match: re.Match[str]) -> str:
    return _without(match[0])


def _without(text: str) -> str:
    return "".join(each if each.isdigit() else "0" for each in text)


def ungrouped(line: str, numeral: str, end: int) -> bool:
    """Whether the number is not a first group of digits before another, as in 1 234, 0.123 456."""
    if line[end : end + 1] != " " or not line[end + 1 : end + 2].isdecimal():
        return True
    return not (_FIRST_GROUP.fullmatch(numeral) and _MORE_DIGITS.match(line, end))


def cut_out(line: str, begin: int, end: int, first: int, last: int) -> Number | None:
    """Return the number from `begin` to `end` in a match of a user's pattern, `first` to `last`.

    None if it is not a number, or if it begins or ends inside a number, whatever the pattern
    matched there. A unit, a slash or a colon beside it is allowed only if the pattern matched it.
    """
    begin, end = _trimmed(line, begin, end)
    numeral = line[begin:end]
    if not _NUMBER.fullmatch(numeral):
        return None
    if not line.isascii() and _OTHER_DIGITS.search(line, first, begin):
        return None  # RE2 does not see these as digits, so the pattern skipped a number.
    if _begins_inside(line, begin, first) or _ends_inside(line, numeral, end, last):
        return None
    return plain(float(numeral))


def _trimmed(line: str, begin: int, end: int) -> tuple[int, int]:
    """The span without blanks, quotes, and punctuation at its end."""
    while begin < end and (line[begin].isspace() or line[begin] in _QUOTES):
        begin += 1
    while begin < end and (line[end - 1].isspace() or line[end - 1] in _QUOTES + _PUNCTUATION):
        end -= 1
    if end - begin > 1 and line[end - 1] == "." and "." in line[begin : end - 1]:
        end -= 1  # The end of a sentence.
    return begin, end


def _begins_inside(line: str, begin: int, first: int) -> bool:
    before = line[begin - 1] if begin else " "
    earlier = line[begin - 2] if begin > 1 else " "
    earliest = line[begin - 3] if begin > 2 else " "
    if before.isnumeric() or before in ".٫" or _INVISIBLE.match(before):
        return True
    if before in _SIGNS:
        exponent = earlier in "eE" and earliest.isnumeric()
        return exponent or not (earlier.isalpha() or earlier in "_)]")
    if before == "," and begin > first and _is_column(line, begin - 1):
        return False
    if before in _SEPARATORS or (before.isspace() and before not in " \t"):
        return earlier.isnumeric()
    if before in " \t" and _SIGN_BEFORE.search(line[max(0, begin - 20) : begin]):
        return True
    if before == " ":
        return earlier.isnumeric() and bool(_THREE_DIGITS.match(line, begin))
    if before in "xXeE" and earlier.isnumeric():
        return True
    if begin > first:  # The pattern has matched the text before.
        return False
    joined = before in "/:*^" and earlier.isnumeric()
    return joined or before.isalpha() or before in "_@#$€£"


def _ends_inside(line: str, numeral: str, end: int, last: int) -> bool:
    after, later = line[end : end + 1], line[end + 1 : end + 2]
    if not after:
        return False
    if after.isnumeric() or after == "…" or _INVISIBLE.match(after):
        return True
    if after == "," and end < last and _is_column(line, end):
        return False
    if after == "+" and (deviation := _DEVIATION.match(line, end)) and deviation.end() <= last:
        return False
    if after in _SEPARATORS + _SIGNS + "(" and (later.isnumeric() or later in {".", "#"}):
        return True
    if after.isspace():
        return _ends_before_blank(line, numeral, end, last)
    if (after in "eE" and not later.isalpha()) or _EXPONENT.match(line, end):
        return True
    if after == "#" and later.isalpha():  # 1.#INF
        return True
    if after in "xX" and numeral.lstrip("+-") == "0":
        return True
    if end < last:  # The pattern has matched the text after.
        return False
    return after.isalpha() or after in _BESIDE or (after == ":" and later.isnumeric())


def _is_column(line: str, comma: int) -> bool:
    """Whether the numbers on both sides of the comma cannot be parts of one, as in 7,0.5."""
    before = _BEFORE_COMMA.search(line[max(0, comma - 40) : comma])
    after = _AFTER_COMMA.match(line, comma + 1)
    if before is None or after is None:
        return False
    decimals = after[0].isdigit() and _GROUPED.fullmatch(before[0])
    thousands = before[0].isdigit() and re.match(r"[0-9]{2,3}(?![0-9])", after[0])
    return not (decimals or thousands)


def _ends_before_blank(line: str, numeral: str, end: int, last: int) -> bool:
    if not ungrouped(line, numeral, end):
        return True
    blanks = _BLANKS.match(line, end)
    beyond = blanks.end() if blanks else end
    if line[beyond - 1] not in " \t" and line[beyond : beyond + 1].isnumeric():
        return True
    return beyond >= last and bool(_AFTER_BLANKS.match(line, beyond))
