"""The keywords of JSON Schema, by what they ask of a reply."""

from agentsys.schema import JsonObject

ANNOTATIONS = frozenset(
    "title description default examples deprecated readOnly writeOnly discriminator format "
    "contentEncoding contentMediaType contentSchema $defs definitions $schema $id $comment "
    "$anchor $dynamicAnchor $vocabulary".split()
)
"""They ask nothing of a reply; `format` does for text only."""
NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
KEYWORDS = {
    "string": ("pattern", "minLength", "maxLength"),
    "integer": NUMERIC,
    "number": NUMERIC,
    "boolean": (),
    "null": (),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "object": (
        *("properties", "required", "additionalProperties", "patternProperties"),
        *("propertyNames", "minProperties", "maxProperties", "dependentRequired"),
        *("dependentSchemas", "dependencies"),
    ),
}
"""What each type can be asked for."""
ANYWHERE = (
    "not",
    "if",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
    "$recursiveRef",
)
"""Asked of any value, and never compiled."""
NEVER = frozenset((*ANYWHERE, "contains", "uniqueItems", "propertyNames"))
"""Named as not enforced wherever they stand."""
COMBINING = ("$ref", "const", "enum", "anyOf", "oneOf", "allOf")
ASSERTIONS = frozenset(("type", "format", *COMBINING, *ANYWHERE)) | {
    keyword for keywords in KEYWORDS.values() for keyword in keywords
}
"""Every keyword that a reply can violate."""


def kinds(schema: JsonObject) -> list[str]:
    """The types that a schema speaks of, by name or by what it asks for."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if named:
        return list(named)
    implied = [kind for kind, keys in KEYWORDS.items() if any(key in schema for key in keys)]
    if "format" in schema and "string" not in implied:
        implied.append("string")
    return [kind for kind in implied if kind != "integer"]
