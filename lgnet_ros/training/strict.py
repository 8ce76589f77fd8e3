"""Frozen dataclasses from YAML in which a mistake is refused with one line, never ignored."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lgnet_ros.errors import UserError

T = TypeVar("T")


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        UserError: it is missing, malformed, or holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise UserError(f"{path}: cannot be read ({reason.strerror})") from reason
    except UnicodeDecodeError:
        raise UserError(f"{path}: not YAML (no text)") from None
    except yaml.YAMLError as reason:
        line = " ".join(str(reason).split())
        raise UserError(f"{path}: not YAML ({line})") from reason
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


def with_overrides(content: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """The mapping with `section.key=value` assignments applied; values are read as YAML.

    Raises:
        UserError: an override has no `=`, or leads through something that is not a section.
    """
    result = _copied(content)
    for override in overrides:
        dotted, found, text = override.partition("=")
        if not found or not dotted:
            raise UserError(f"'{override}': overrides are written key=value, for example optimizer.name=adam")
        *sections, key = dotted.split(".")
        section = result
        for name in sections:
            section = section.setdefault(name, {})
            if not isinstance(section, dict):
                raise UserError(f"'{override}': {name} is a value, not a section")
        try:
            section[key] = yaml.safe_load(text)
        except yaml.YAMLError as reason:
            raise UserError(f"'{override}': the value is not YAML") from reason
    return result


def build(kind: type[T], content: Any, where: str) -> T:
    """A dataclass from a mapping: every key must be a field, every value of its type, every field given or
    defaulted.

    Whole numbers serve as floats; nothing else is converted. `where` names the file (and section) in
    messages.

    Raises:
        UserError: an unknown key (the nearest known one is suggested), a wrong type, a missing key, or what
        the
            dataclass itself refuses.
    """
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected keys and values, found {content!r}")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in content:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(fields)}"
            raise UserError(f"{where}: unknown key '{key}'; {hint}")
    missing = [name for name, field in fields.items() if name not in content and _is_required(field)]
    if missing:
        raise UserError(f"{where}: missing key '{missing[0]}'")
    values = {key: _checked(hints[key], value, f"{where}: {key}") for key, value in content.items()}
    return kind(**values)


def require(condition: bool, message: str) -> None:
    """Raises UserError(message) unless the condition holds; for `__post_init__`."""
    if not condition:
        raise UserError(message)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _checked(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (only,) = (argument for argument in arguments if argument is not type(None))
        return _checked(only, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(f"{where}: expected a list, found {value!r}")
        return tuple(_checked(arguments[0], entry, where) for entry in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise UserError(f"{where}: expected keys and values, found {value!r}")
        return {str(key): _checked(arguments[1], entry, f"{where}.{key}") for key, entry in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            raise UserError(f"{where}: {value!r} is none of {', '.join(map(str, arguments))}")
        return value
    if hint is Any:
        return value
    return _scalar(hint, value, where)


def _scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, str):  # YAML 1.1 reads 1e-4 (without a point) as text
        try:
            return float(value)
        except ValueError:
            pass
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value).expanduser()
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise UserError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value


def _copied(content: dict[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in content.items()}
