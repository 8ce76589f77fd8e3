"""Parameters of a node as the fields of one frozen record: each field carries its description and its rule.

A record class is declared, validated, read, checked at run time and documented by the functions here, so
that a parameter is written down once. Documenting needs no ROS.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lgnet_ros.errors import UserError

if TYPE_CHECKING:
    from rclpy.node import Node

Record = TypeVar("Record")

# When a parameter may be set.
ANY_TIME = "any time"  # takes effect with the next frame
UNCONFIGURED = "unconfigured"  # is used in on_configure: refused later
START = "start"  # only on the command line, in the launch file or the parameter file


@dataclass(frozen=True)
class Rule:
    """What one parameter means and which values it takes. off: one below the range that stands for none."""

    description: str
    when: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    off: float | None = None

    def check(self, name: str, value: Any, default: Any) -> Any:
        """`value` in the type of `default`.

        Raises:
            UserError: the value is of another type, not finite, out of range or not among the choices.
        """
        if isinstance(default, tuple):
            return self._check_array(name, value, default)
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(default):
            raise UserError(f"{name}: must be {_type_name(default)}, not {_type_name(value)} ({value!r})")
        if self.choices and value not in self.choices:
            raise UserError(f"{name}: {value!r} is none of {', '.join(self.choices)}")
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{name}: must be a finite number, not {value}")
        if self.minimum is not None and value != self.off and not self.minimum <= value <= self.maximum:
            raise UserError(f"{name}: {value} is outside {self.constraints}")
        return value

    def _check_array(self, name: str, value: Any, default: tuple[float, ...]) -> tuple[float, ...]:
        try:
            numbers = [] if isinstance(value, str) else list(value)
        except TypeError:
            numbers = []
        if len(numbers) != len(default):
            raise UserError(f"{name}: must be an array of {len(default)} numbers, not {numbers or value!r}")
        return tuple(self.check(f"{name}[{i}]", number, 0.0) for i, number in enumerate(numbers))

    @property
    def constraints(self) -> str:
        """The values it takes, in words; empty if any."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.minimum is None:
            return ""
        return ("" if self.off is None else f"{self.off:g}, or ") + f"{self.minimum:g} to {self.maximum:g}"


def parameter(default: Any, description: str, when: str, **limits: Any) -> Any:
    """A field of a record. limits: `choices`, or `minimum` and `maximum` (for an array, of each number), and
    `off`."""
    return dataclasses.field(default=default, metadata={"rule": Rule(description, when, **limits)})


def rules(record: type) -> dict[str, Rule]:
    """The rule of every parameter, by its name, in the order of the record."""
    return {field.name: field.metadata["rule"] for field in dataclasses.fields(record)}


def defaults(record: type) -> dict[str, Any]:
    """The default of every parameter, by its name."""
    return {field.name: field.default for field in dataclasses.fields(record)}


def validated(record: type[Record], values: Mapping[str, Any]) -> Record:
    """The record for `values`; what they leave out has its default.

    Raises:
        UserError: an unknown name or a value that its rule refuses; the message gives name, value and reason.
    """
    known, standard = rules(record), defaults(record)
    for name in values:
        if name not in known:
            raise UserError(f"{name}: no such parameter")
    return record(**{name: known[name].check(name, value, standard[name]) for name, value in values.items()})


def checked_changes(record: type, changes: Mapping[str, Any], configured: bool) -> dict[str, Any]:
    """`changes` in the parameters' types, if a node in this state may take them. Foreign names are left out.

    Args:
        record: the node's record class.
        changes: new values by name.
        configured: whether on_configure has been passed, so that what it used can no longer change.

    Raises:
        UserError: a value that its rule refuses, or a parameter that is fixed in this state.
    """
    known, standard, accepted = rules(record), defaults(record), {}
    for name in (name for name in changes if name in known):
        if known[name].when == START:
            raise UserError(f"{name}: is read at the start only")
        if known[name].when == UNCONFIGURED and configured:
            raise UserError(f"{name}: is used while configuring; take the node to `unconfigured` first")
        accepted[name] = known[name].check(name, changes[name], standard[name])
    return accepted


def declare(node: Node, record: type) -> None:
    """Declare every parameter on `node`, with description, constraints and range.

    A value that its rule refuses is declared all the same: `read` says why it is wrong, and `ros2 param
    set` can mend it. rclpy's own check would end the process in a traceback.
    """
    for name, rule in rules(record).items():
        default = defaults(record)[name]
        value = node.declare_parameter(name, default, _descriptor(rule)).value
        try:
            rule.check(name, value, default)
        except UserError:
            continue
        if rule.minimum is not None and rule.when != START:
            node.set_descriptor(name, _with_range(_descriptor(rule), rule, default))


def read(node: Node, record: type[Record]) -> Record:
    """The declared parameters of `node` as they stand.

    Raises:
        UserError: a value that its rule refuses.
    """
    return validated(record, {name: node.get_parameter(name).value for name in rules(record)})


def markdown_table(record: type) -> str:
    """A README's table of the parameters."""
    lines = ["| parameter | default | values | may change | what it does |", "|---|---|---|---|---|"]
    for name, rule in rules(record).items():
        default = _yaml_value(defaults(record)[name])
        values = rule.constraints or "any"
        lines.append(f"| `{name}` | `{default}` | {values} | {rule.when} | {rule.description} |")
    return "\n".join(lines)


def yaml_lines(record: type) -> list[str]:
    """The annotated entries of a parameter file, every parameter at its default."""
    lines = []
    for name, rule in rules(record).items():
        values = f" {rule.constraints.capitalize()}." if rule.constraints else ""
        lines += [f"# {rule.description}{values} [{rule.when}]"]
        lines += [f"{name}: {_yaml_value(defaults(record)[name])}"]
    return lines


def parameter_file(node: str, module: str, record: type) -> str:
    """An annotated parameter file with every parameter at its default. module: prints it with `--yaml`."""
    head = [
        f"# Parameters of {node}, each at its default (`python -m {module} --yaml`).",
        "# In brackets: when the parameter may change.",
        "/**:",
        "  ros__parameters:",
    ]
    return "\n".join([*head, *(f"    {line}" for line in yaml_lines(record))]) + "\n"


def _descriptor(rule: Rule) -> Any:
    from rcl_interfaces.msg import ParameterDescriptor

    return ParameterDescriptor(
        description=rule.description,
        additional_constraints=rule.constraints,
        read_only=rule.when == START,
        dynamic_typing=True,  # so that `1` is as good as `1.0`; `Rule.check` watches over the types
    )


def _with_range(descriptor: Any, rule: Rule, default: Any) -> Any:
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange

    lowest = rule.minimum if rule.off is None else rule.off
    if isinstance(default, int):
        descriptor.integer_range = [IntegerRange(from_value=int(lowest), to_value=int(rule.maximum), step=1)]
    elif isinstance(default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=lowest, to_value=rule.maximum)]
    return descriptor


def _type_name(value: Any) -> str:
    names = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
    return names.get(type(value), f"a {type(value).__name__}")


def _yaml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_yaml_value(element) for element in value) + "]"
    return str(value)
