"""What attrs looks for in a class that it made, for records; imported on first use."""

from __future__ import annotations

from typing import Any, Dict, NoReturn, Sequence

import attrs


def twin_of(fields: Sequence[Any], *, is_frozen: bool, **options: Any) -> Any:
    """Return a class made by attrs from the same definitions."""
    namespace: Dict[str, Any] = {"__annotations__": {f.name: f.type for f in fields}}
    for each in fields:
        default = {} if each.is_required else {"default": each.default}
        if each.factory is not None:
            default = {"factory": each.factory}
        namespace[each.name] = attrs.field(
            init=each.init,
            eq=each.eq,
            repr=each.repr,
            kw_only=each.kw_only,
            converter=each.converter,
            metadata=each.metadata,
            **default,
        )
    decorate: Any = attrs.frozen if is_frozen else attrs.define
    twin = decorate(type("Twin", (), namespace), **options)
    made = attrs.fields(twin)
    twin.__attrs_attrs__ = type(made)(
        found.evolve(inherited=True) if each.is_inherited else found
        for each, found in zip(fields, made)
    )
    return twin


def refuse_change() -> NoReturn:
    """Raise the error of attrs for a change of a frozen object."""
    raise attrs.exceptions.FrozenInstanceError()
