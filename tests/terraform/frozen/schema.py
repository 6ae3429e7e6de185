"""The schema of a provider, from the constructs that CDKTF generated from it.

A package of npm such as @cdktf/provider-google has a class for each resource and for each block in
it. The classes name attributes, their types, whether they must be set, and which only the provider
sets. They do not say which attributes both may set, and have no limits of values. The text of the
classes is enough: nothing is run.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

TYPES: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
}
SETTINGS: dict[str, Any] = {
    "string": "string",
    "boolean": "bool",
    "number": "number",
    "hashMapper": ["map", "string"],
}
CLASS = re.compile(r"^class (\w+) extends cdktf\.(\w+) \{$(.+?)^\}$", re.M | re.S)
GETTER = re.compile(
    r"^    get (\w+)\(\) \{\n +return (cdktf\.Fn\.tolist\()?(?:cdktf\.\w+\()?"
    r"this\.get(\w+?)Attribute\('(\w+)'\)",
    re.M,
)
MAP = re.compile(r'this\._(\w+) = new cdktf\.(\w+)\(this, "(\w+)"(?:, (?:true|false))?\)')
NESTED = re.compile(
    r"this\._(\w+) = new (?!cdktf)(?:\w+\.)?(\w+?)(List|OutputReference)\("
    r'this, "(\w+)"(?:, (true))?'
)

Block = dict[str, Any]


class Construct(NamedTuple):
    """A generated class: its base class and its text."""

    base: str
    text: str


def provider_schema(package: Path, resources: Iterable[str], data: Iterable[str]) -> Block:
    """The schemas of the named types; those that the package lacks are absent."""
    [provider] = [block for _, block in _blocks(package / "lib" / "provider", "TerraformProvider")]
    return {
        "provider": provider,
        "resources": _found(package, resources, "TerraformResource", ""),
        "data_sources": _found(package, data, "TerraformDataSource", f"data-{_name(package)}-"),
    }


def _name(package: Path) -> str:
    return package.name.removeprefix("provider-")


def _found(package: Path, types: Iterable[str], base: str, prefix: str) -> Block:
    found = {}
    for each in sorted(types):
        rest = each.removeprefix(f"{_name(package)}_").replace("_", "-")
        for name, block in _blocks(package / "lib" / f"{prefix}{rest}", base):
            assert name == each, f"{prefix}{rest} is {name}"
            found[each] = block
    return found


def _blocks(folder: Path, base: str) -> Iterable[tuple[str, Block]]:
    constructs: dict[str, Construct] = {}
    for file in sorted(folder.rglob("*.js")):
        for name, parent, text in CLASS.findall(file.read_text()):
            constructs[name] = Construct(parent, text)
    for construct in constructs.values():
        if construct.base == base:
            kind = re.search(r"terraformResourceType: '(\w+)'", construct.text)
            assert kind is not None
            block = _block(construct.text, constructs)
            if base == "TerraformProvider":
                block = _settable(construct.text)
            yield kind[1], block


def _block(text: str, constructs: dict[str, Construct]) -> Block:
    block: Block = {"attributes": [], "blocks": []}
    for member, is_set, kind, name in GETTER.findall(text):
        type_ = ["set", TYPES[kind][1]] if is_set else TYPES[kind]
        block["attributes"].append(_attribute(text, member, name, type_))
    for member, kind, name in MAP.findall(text):
        block["attributes"].append(_attribute(text, member, name, TYPES[kind]))
    for member, stem, form, name, is_set in NESTED.findall(text):
        inner = _block(constructs[f"{stem}OutputReference"].text, constructs)
        if f"    put{_capital(member)}(" in text:
            block["blocks"].append(_nested(text, member, name, form, is_set, inner))
        else:
            type_ = ["list", _object(inner)]
            block["attributes"].append({"name": name, "type": type_, "computed": True})
    return block


def _attribute(text: str, member: str, name: str, type_: Any) -> Block:
    attribute: Block = {"name": name, "type": type_}
    if f"    set {member}(" not in text:
        return attribute | {"computed": True}
    optional = f"    reset{_capital(member)}()" in text
    # Unless it must be set, the provider sets the identifier.
    computed = optional and name == "id"
    return attribute | {"optional": optional, "required": not optional, "computed": computed}


def _nested(text: str, member: str, name: str, form: str, is_set: str, inner: Block) -> Block:
    if name == "timeouts":
        return {"name": name, "nesting": "single", "block": inner}
    optional = f"    reset{_capital(member)}()" in text
    return {
        "name": name,
        "nesting": "set" if is_set else "list",
        "min": 0 if optional else 1,
        "max": 1 if form == "OutputReference" else 0,
        "block": inner,
    }


def _object(block: Block) -> Any:
    """The type of a block that only the provider sets."""
    members = {each["name"]: each["type"] for each in block["attributes"]}
    members |= {each["name"]: ["list", _object(each["block"])] for each in block["blocks"]}
    return ["object", members]


def _settable(text: str) -> Block:
    """The provider's own settings, with blocks that are empty: no test configures the provider."""
    members = re.findall(r"^            (\w+): \{\n +value: cdktf\.(\w+?)(?:To)?Hcl", text, re.M)
    blocks = re.findall(r"^            (\w+): \{\n +value: cdktf\.listMapperHcl", text, re.M)
    return {
        "attributes": [
            {"name": name, "type": SETTINGS[kind], "optional": True}
            for name, kind in members
            if kind in SETTINGS and name != "alias"
        ],
        "blocks": [
            {"name": name, "nesting": "list", "block": {"attributes": [], "blocks": []}}
            for name in blocks
        ],
    }


def _capital(member: str) -> str:
    return member[0].upper() + member[1:]
