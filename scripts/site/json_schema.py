"""What a JSON schema says, in words of a table."""

from typing import Any

from md import code, sentence, table

Json = dict[str, Any]


def reference(schema: Json) -> str:
    """The name of the schema that a `$ref` leads to; empty where there is none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def kind(schema: Json) -> str:
    """Type and limits, as Markdown; a reference links to its heading on the same page."""
    name = reference(schema)
    if name:
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            parts = [kind(part) for part in schema[several] if part.get("type") != "null"]
            return " or ".join(dict.fromkeys(parts))
    if "allOf" in schema:
        return " and ".join(kind(part) for part in schema["allOf"])
    if "enum" in schema:
        return ", ".join(code(_literal(value)) for value in schema["enum"])
    if "const" in schema:
        return code(_literal(schema["const"]))
    return _simple(schema)


def default(schema: Json) -> str:
    """The default as inline code; empty where there is none or it is null."""
    value = schema.get("default")
    return "" if value is None or value == [] or value == {} else code(_literal(value))


def _simple(schema: Json) -> str:
    what = str(schema.get("type", "any value"))
    if what == "array":
        if "prefixItems" in schema:
            return "list of " + ", ".join(kind(part) for part in schema["prefixItems"])
        return f"list of {kind(schema.get('items', {}))}"
    if what == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    words = {"integer": "whole number", "boolean": "`true` or `false`", "string": "text"}
    return ", ".join([words.get(what, what), *_limits(schema)])


def _limits(schema: Json) -> list[str]:
    signs = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}
    limits = [f"{sign}{schema[key]:g}" for key, sign in signs.items() if key in schema]
    if "maxLength" in schema:
        limits.append(f"at most {schema['maxLength']} characters")
    if "pattern" in schema:
        limits.append(f"pattern {code(schema['pattern'])}")
    if schema.get("format") == "binary":
        limits.append("a file")
    return limits


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def fields(part: Json) -> list[str]:
    """A table of an object's fields."""
    required = set(part.get("required", ()))
    return table(
        ("field", "value", "default", "description"),
        (
            (
                code(name),
                kind(field),
                "**required**" if name in required else default(field),
                sentence(field.get("description", "")),
            )
            for name, field in part.get("properties", {}).items()
        ),
    )


def sections(whole: Json) -> list[str]:
    """An object's fields, then a section for each part that they refer to."""
    lines = ["## Fields", "", *fields(whole)]
    for name, part in sorted(whole.get("$defs", {}).items()):
        lines += [f"## {name}", "", sentence(part.get("description", "")), ""]
        lines += fields(part) if part.get("properties") else [kind(part), ""]
    return lines
