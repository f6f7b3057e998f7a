"""A question's SQL in ClickHouse's dialect, its parameters bound as typed literals."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import sqlglot
from sqlglot import exp

from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rankloop.store.base import Value
    from rankloop.store.questions import Question

SETTINGS: Final[dict[str, int | str]] = {
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "prefer_column_name_to_alias": 1,
    "cast_keep_nullable": 1,
    "union_default_mode": "DISTINCT",
    "session_timezone": "UTC",
    "count_distinct_implementation": "uniqExact",
}
"""What ClickHouse must be told to answer as DuckDB does: absent rows are NULL, an aggregate of
nothing is NULL, and a name means the column before it means an alias."""

_RENAMED: Final = {
    "epoch_us": "toUnixTimestamp64Micro",
    "bit_count": "bitCount",
    "list_distinct": "arrayDistinct",
    "list_extract": "arrayElement",
    "list_sort": "arraySort",
    "list_sum": "arraySum",
}
"""Functions that differ by name only and that the translator does not know."""

_TYPES: Final = {
    "BIGINT": "Int64",
    "UBIGINT": "UInt64",
    "HUGEINT": "Int128",
    "INTEGER": "Int32",
    "INT": "Int32",
    "SMALLINT": "Int16",
    "TINYINT": "Int8",
    "DOUBLE": "Float64",
    "BOOLEAN": "Bool",
    "VARCHAR": "String",
    "TEXT": "String",
    "DATE": "Date32",
    "TIMESTAMP": "DateTime64(6)",
    "TIMESTAMPNTZ": "DateTime64(6)",
}
"""The types that questions may name, and ClickHouse's words for them."""


def render(question: Question, parameters: Mapping[str, Value] | None = None) -> str:
    """Write a question as ClickHouse understands it.

    Args:
        question: The question; its hand-written ClickHouse form is taken where it has one.
        parameters: Values by name; those left out are NULL.

    Returns:
        One statement without any placeholder.

    Raises:
        InputError: A value is not of its parameter's type, or the statement names a type that
            is not in the portable subset.

    Example:
        >>> from rankloop.store.questions import read_question
        >>> lines = ["-- Parameters:", "--   n BIGINT: a number", "SELECT $n + 1 AS m"]
        >>> print(render(read_question("next", chr(10).join(lines)), {"n": 2}))
        SELECT
          CAST(2, 'Nullable(Int64)') + 1 AS m
    """
    values = parameters or {}
    bound = {name: _bind(values.get(name), kind) for name, kind in question.parameters.items()}
    if question.clickhouse is not None:
        return _PLACEHOLDER.sub(lambda found: bound[found[1]].name, question.clickhouse)
    tree = sqlglot.parse_one(question.sql, read="duckdb")
    # From the leaves up: a rule finds what is beneath it translated already.
    for node in reversed(list(tree.bfs())):
        translated = _translate(node, bound)
        if translated is not node:
            node.replace(translated)
    return tree.sql(dialect="clickhouse", comments=False, pretty=True)


def to_type(name: str, *, is_nullable: bool = True) -> str:
    """Say ClickHouse's word for a type; a list is never NULL there.

    Example:
        >>> to_type("BIGINT"), to_type("VARCHAR[]")
        ('Nullable(Int64)', 'Array(String)')
    """
    word = _TYPES.get(name.removesuffix("[]"))
    if word is None:
        raise InputError(f"type {name} is not in the portable subset", where="type")
    if name.endswith("[]"):
        return f"Array({word})"
    return f"Nullable({word})" if is_nullable else word


def to_literal(value: Value, kind: str) -> str:
    """Write a value as a typed ClickHouse literal; a list left out is empty.

    Example:
        >>> to_literal(["a", "b"], "VARCHAR[]"), to_literal(None, "BIGINT")
        ("CAST(['a', 'b'], 'Array(String)')", "CAST(NULL, 'Nullable(Int64)')")
    """
    if not kind.endswith("[]"):
        return f"CAST({_to_text(value)}, '{to_type(kind)}')"
    if value is not None and not isinstance(value, list):
        raise InputError(f"a list was expected, not {value!r}")
    items = ", ".join(_to_text(item) for item in value or ())
    return f"CAST([{items}], '{to_type(kind)}')"


def _to_text(value: object) -> str:
    """Write one value bare."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return f"'{moment:%Y-%m-%d %H:%M:%S.%f}'"
    text = value.isoformat() if isinstance(value, date) else str(value)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_PLACEHOLDER: Final = re.compile(r"\$([a-z][a-z0-9_]*)")


def _bind(value: Value, kind: str) -> exp.Var:
    """Make the node that stands where a placeholder stood."""
    node = exp.Var(this=to_literal(value, kind))
    node.meta["is_null"] = value is None
    node.meta["type"] = to_type(kind)
    return node


def _translate(node: exp.Expr, bound: Mapping[str, exp.Var]) -> exp.Expr:
    """Turn one node into what ClickHouse has for it, where the translator does not."""
    if isinstance(node, exp.Placeholder):
        return bound[node.name].copy()
    if isinstance(node, exp.Anonymous):
        return _translate_function(node)
    rule = _RULES.get(type(node))
    return rule(node) if rule else node


def _translate_function(node: exp.Anonymous) -> exp.Expr:
    """Rename a function, or spell out the one that ClickHouse lacks."""
    name = str(node.this).lower()
    if name == "md5_number_lower":
        digest = exp.func("MD5", *node.expressions, dialect="clickhouse")
        half = _call("substring", digest, exp.Literal.number(9), exp.Literal.number(8))
        return _call("reinterpretAsUInt64", half)
    return _call(_RENAMED.get(name, str(node.this)), *node.expressions)


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Call a function by the very name given."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def _rename(name: str) -> Callable[[exp.Expr], exp.Expr]:
    """Make the rule that turns an operator of one or two sides into a function."""

    def rule(node: exp.Expr) -> exp.Expr:
        other = node.args.get("expression")
        return _call(name, node.this) if other is None else _call(name, node.this, other)

    return rule


def _shift_left(node: exp.Expr) -> exp.Expr:
    """Shift bits to the left; ClickHouse would keep the width of the literal 1."""
    return _call("bitShiftLeft", _call("toInt64", node.this), node.args["expression"])


def _cast(node: exp.Expr) -> exp.Expr:
    """Cast with the engine's own word for the type; a parameter of that type carries it."""
    kind = node.args["to"]
    if kind.this is exp.DType.ARRAY:
        word = to_type(f"{kind.expressions[0].this.value}[]")
    else:
        word = to_type(kind.this.value)
    if isinstance(node.this, exp.Var) and node.this.meta.get("type") == word:
        return node.this
    return _call("CAST", node.this, exp.Literal.string(word))


def _is(node: exp.Expr) -> exp.Expr:
    """Decide here whether a parameter is NULL: a list cannot be, over there."""
    if isinstance(node.this, exp.Var) and isinstance(node.args["expression"], exp.Null):
        return exp.Boolean(this=bool(node.this.meta.get("is_null")))
    return node


def _quantile(node: exp.Expr) -> exp.Expr:
    """Name the quantile that interpolates as DuckDB's `quantile_cont` does."""
    share = node.args.get("expression") or exp.Literal.number("0.5")
    return exp.Var(this=f"quantileExactInclusive({share.sql()})({node.this.sql('clickhouse')})")


def _neighbor(node: exp.Expr) -> exp.Expr:
    """Let `lag` and `lead` be NULL where there is no neighbor, whatever the column's type."""
    node.set("this", _call("toNullable", node.this))
    return node


def _ordered_list(node: exp.Expr) -> exp.Expr:
    """Collect values in ascending order of other values."""
    if not isinstance(node.this, exp.Order):
        return node
    keys = [ordered.this for ordered in node.this.expressions]
    if any(ordered.args.get("desc") for ordered in node.this.expressions):
        raise InputError("list(x ORDER BY y DESC) is not in the portable subset", where="list")
    pairs = _call("groupArray", _call("tuple", *keys, node.this.this))
    return exp.Var(this=f"arrayMap(t -> t.{len(keys) + 1}, arraySort({pairs.sql('clickhouse')}))")


def _count(node: exp.Expr) -> exp.Expr:
    """Make a count signed, around its FILTER and its OVER: UInt64 meets no Int64 in a UNION."""
    counted = node
    while isinstance(counted, exp.Filter | exp.Window):
        counted = counted.this
    if not isinstance(counted, _COUNTS) or isinstance(node.parent, exp.Filter | exp.Window):
        return node
    return _call("toInt64", node.copy())


def _format_time(node: exp.Expr) -> exp.Expr:
    """Write minutes as ClickHouse does: its `%M` is the name of the month."""
    text = node.args["format"].name.replace("%M", "%i")
    return _call("formatDateTime", node.this, exp.Literal.string(text))


def _range(node: exp.Expr) -> exp.Expr:
    """Write a half-open range of numbers."""
    return _call("range", node.args["start"], node.args["end"])


_COUNTS: Final = (
    exp.Count,
    exp.CountIf,
    exp.DenseRank,
    exp.Ntile,
    exp.Rank,
    exp.RowNumber,
)
"""What counts and would be unsigned."""

_RULES: Final[dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.ArrayAgg: _ordered_list,
    exp.ArrayOverlaps: _rename("hasAny"),
    exp.ArraySize: lambda node: _call("toInt64", _call("length", node.this)),
    exp.BitwiseAnd: _rename("bitAnd"),
    exp.BitwiseCount: _rename("bitCount"),
    exp.BitwiseLeftShift: _shift_left,
    exp.BitwiseNot: _rename("bitNot"),
    exp.BitwiseOr: _rename("bitOr"),
    exp.BitwiseRightShift: _rename("bitShiftRight"),
    exp.BitwiseXor: _rename("bitXor"),
    exp.Cast: _cast,
    exp.Filter: _count,
    exp.GenerateSeries: _range,
    exp.IntDiv: _rename("intDiv"),
    exp.Is: _is,
    exp.Lag: _neighbor,
    exp.Lead: _neighbor,
    exp.LogicalAnd: _rename("min"),
    exp.LogicalOr: _rename("max"),
    exp.Median: _quantile,
    exp.PercentileCont: _quantile,
    **dict.fromkeys(_COUNTS, _count),
    exp.TimeToStr: _format_time,
    exp.Window: _count,
    exp.Xor: _rename("bitXor"),
}
"""What to do with the nodes that the translator gets wrong."""
