"""Rules for the language of the documents: plain words, short sentences, one term for one thing.

The rules read Markdown. Code, link targets and comments are not prose.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LONGEST = 40

# A pattern, and what to write in its place.
WORDS = {
    r"(?-i:what) (?:is|has|are|have)": "name the thing",
    r"whoever": "who, or the reader's role",
    r"whose": "a second sentence, or of which",
    r"nobody": "no one, or the passive without an agent",
    r"told": "said, reported or sent",
    r"stands?(?! (?:for|in for)\b)|stood": "is",
    r"goes on|go on|going on": "continue",
    r"so many": "a number, or this many",
    r"behind(?! (?:a|an|the|its) (?:proxy|ingress|gateway|load balancer|firewall))": "after",
    r"that is no": "that is not a",
    r"simply|easily|obviously|of course|very|actually|basically": "nothing: it says nothing",
    r"thereby|hereby|hence|whereby|wherein|thereof|therein|whilst": "a shorter word",
    r"utili[sz]e[sd]?|leverages?|facilitates?|in order to|due to the fact": "a shorter word",
    r"e\.g\.|i\.e\.|etc\.": "for example, that is, and so on",
}

# Other words for a term of the glossary, and the term.
TERMS = {
    r"hyper[- ]parameters?|hyperparams?": "hyperparameter",
    r"search[- ]space definition": "search space",
    r"data ?store|object store bucket": "store",
    r"write-?ahead log|event log|event stream": "log",
    r"dead-letters|deadletters?|poison messages?|DLQ": "dead letter",
    r"time ?outs?|timeouts?": "time-out",
    r"name-spaces?|name spaces?": "namespace",
    r"check-points?|check points?": "checkpoint",
    r"end-points?|end points?": "endpoint",
    r"meta-data": "metadata",
    r"back-ends?": "backend",
    r"data sets?|data-sets?": "dataset",
    r"time stamps?|time-stamps?": "timestamp",
    r"multi-tenancy|multitenan\w+": "tenants",
    r"early termination|median stopping": "early stopping",
}

_VERBS = (
    "author|capital|categor|central|character|custom|emphas|final|general|initial|local|maxim|memor"
    "|minim|normal|optim|organ|parallel|penal|quant|random|real|recogn|serial|special|stabil"
    "|standard|summar|synchron|token|util"
)
# The spelling is British, with -ize as in Oxford's dictionaries. Identifiers follow libraries.
SPELLINGS = {
    r"colors?|colored|coloring": "colour",
    r"grays?|grayed": "grey",
    r"behaviors?": "behaviour",
    r"favors?|favored|favorites?": "favour",
    r"honors?|honored": "honour",
    r"neighbors?|neighboring|neighborhoods?": "neighbour",
    r"centers?|centered": "centre",
    r"labeled|labeling": "labelled",
    r"modeled|modeling": "modelled",
    r"canceled|canceling": "cancelled",
    r"signaled|signaling": "signalled",
    r"fulfills?": "fulfil",
    r"toward": "towards",
    r"learned": "learnt",
    r"analyz(?:e[sd]?|ing)": "analyse",
    rf"(?:de|re|un)?(?:{_VERBS})is(?:e[sd]?|ing|ations?)": "the ending -ize",
}

# Words that keep a capital inside a heading.
# fmt: off
PROPER = {
    "API", "Azure", "Bayesian", "Biases", "Chromium", "Cloud", "CloudEvent", "CloudEvents",
    "ConfigMap", "Connect", "CronJob", "Deployment", "Google", "Grafana", "Hyperopt", "Job",
    "Jobs", "Katib", "Knative", "Kubernetes", "Kueue", "Linux", "OpenID", "Optuna", "Parquet",
    "Prometheus", "Python", "Ray", "SageMaker", "Secret", "Secrets", "Service", "ServiceAccount",
    "Slurm", "Terraform", "Trainer", "Tune", "Tunelet", "Vertex", "Vizier", "Weights",
}
# fmt: on

FENCE = re.compile(r"^\s*(```|~~~)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\]\((?:[^()\s]|\([^)]*\))*(?:\s+\"[^\"]*\")?\)")
ADDRESS = re.compile(r"<?https?://\S+")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
END = re.compile(r"(?<=[.!?])[)*\"']*\s+")
PHRASE = re.compile(rf"{END.pattern}|;\s+")
WORD = re.compile(r"[A-Za-z0-9][\w'./:=%-]*")


@dataclass(frozen=True)
class Fault:
    """A place in a document that breaks a rule, and the remedy."""

    line: int
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.line}: {self.found!r}: {self.remedy}"


@dataclass(frozen=True)
class Passage:
    """A paragraph, an item, a cell of a table or a heading, as plain text."""

    line: int
    text: str
    kind: Literal["text", "cell", "heading"] = "text"


def plain(text: str) -> str:
    """The text without code (as a placeholder), link targets and addresses."""
    text = CODE.sub("`code`", text)
    return ADDRESS.sub("`address`", LINK.sub(r"\1", text))


def blank(match: re.Match[str]) -> str:
    return "\n" * match.group().count("\n")


def passages(markdown: str) -> Iterator[Passage]:
    """The prose of a document. Line numbers begin with 1."""
    lines = COMMENT.sub(blank, markdown).splitlines()
    fenced, start, held = False, 0, list[str]()
    for number, line in enumerate([*lines, ""], start=1):
        fence = FENCE.match(line) is not None
        fenced ^= fence
        none = fenced or fence or not line.strip()
        row = line.lstrip().startswith("|")
        if held and (none or row or line.startswith("#") or ITEM.match(line)):
            yield Passage(start, plain(" ".join(held)))
            held = []
        if none:
            continue
        if line.startswith("#"):
            yield Passage(number, plain(line.lstrip("#").strip()), "heading")
        elif row:
            for cell in re.split(r"(?<!\\)\|", plain(line).strip().strip("|")):
                yield Passage(number, cell.strip(), "cell")
        elif held or ITEM.match(line) or not line.startswith("    "):  # else it is code
            start = start if held else number
            held.append(ITEM.sub("", line).strip())


def words(passage: Passage) -> Iterator[Fault]:
    """Words that the documents avoid."""
    return _written(passage, WORDS)


def terms(passage: Passage) -> Iterator[Fault]:
    """Other names for a term of the glossary."""
    return _written(passage, TERMS)


def _written(passage: Passage, table: dict[str, str]) -> Iterator[Fault]:
    for pattern, better in table.items():
        for match in re.finditer(rf"(?<![\w/-])(?:{pattern})(?![\w/-])", passage.text, re.I):
            if match.group().rstrip("s") != better:
                yield Fault(passage.line, match.group(), f"write {better}")


def spellings(passage: Passage) -> Iterator[Fault]:
    """American spellings, and the ending -ise."""
    return _written(passage, SPELLINGS)


def sentences(passage: Passage) -> Iterator[Fault]:
    """Sentences of more than LONGEST words; in a cell of a table, phrases between semicolons."""
    end = PHRASE if passage.kind == "cell" else END
    for sentence in end.split(passage.text):
        if (count := len(WORD.findall(sentence))) > LONGEST:
            yield Fault(
                passage.line, sentence[:60] + "…", f"{count} words: make two sentences of it"
            )


def headings(passage: Passage) -> Iterator[Fault]:
    """Headings with capitals inside, except those of proper names and abbreviations."""
    if passage.kind != "heading":
        return
    for word in re.findall(r"(?<=[a-z,)`] )[A-Z][a-z]+\b", passage.text):
        if word not in PROPER:
            yield Fault(passage.line, word, "write headings like sentences, with a small letter")


Rule = Callable[[Passage], Iterator[Fault]]
ALL: tuple[Rule, ...] = (words, terms, spellings, sentences, headings)


def faults(markdown: str, rules: Sequence[Rule] = ALL) -> list[Fault]:
    """All faults of a document, by line."""
    found = [fault for passage in passages(markdown) for rule in rules for fault in rule(passage)]
    return sorted(found, key=lambda fault: fault.line)


def shown(document: Path, rules: Sequence[Rule] = ALL) -> list[str]:
    """The faults of a file, one line each."""
    text = document.read_text(encoding="utf-8")
    return [f"{document.name}:{fault}" for fault in faults(text, rules)]
