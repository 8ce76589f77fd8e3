"""The command `lgnet`: finds the subcommand, runs it, and turns the user's mistakes into one line."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Protocol

from lgnet_ros.errors import UserError
from lgnet_ros.interrupts import answering
from lgnet_ros.node.missing import missing_module_line

# Each is a module of lgnet_ros.cli, imported only when it is asked for.
COMMANDS: dict[str, str] = {
    "run": "show the whole at work: a camera, the node, a live status",
    "infer": "find hands in images and videos",
    "hand": "build, import and show hand models",
    "synth": "render synthetic images of two hands with exact labels",
    "train": "train a network from a configuration",
    "eval": "measure weights against a data set",
    "centers": "where in whole images LGNet looks for hands: learn it, measure it, hand it on",
    "export": "convert weights for OpenVINO or ONNX",
    "landmarks": "the landmark fit: measure it, learn what it knows beforehand",
    "bench": "measure speed: engines, pipeline, hand model, renderer, node",
    "summary": "parameters and operations of each variant",
}
# Modules that only some subcommands need, and the extra that brings each.
_EXTRAS = {"lightning": "train", "matplotlib": "train", "tensorboard": "train", "torchmetrics": "train"}
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM


class Command(Protocol):
    """What a module of lgnet_ros.cli has."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it. Returns the exit status; raises UserError for what the user can mend."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `lgnet` with `argv` (default: the process's). Returns the exit status: 2 for a user's mistake."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no arrow does not end the command
    try:
        with answering(signal.SIGTERM, signal.SIG_DFL, _terminate):
            args = _parse(list(sys.argv[1:] if argv is None else argv))
            return args.run(args)
    except UserError as error:
        print(f"lgnet: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has left. Without this Python complains once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"lgnet: {place}{error.strerror or error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        line = missing_module_line(error)
        if extra is not None:
            line = f"needs {error.name}: pip install 'lgnet_ros[{extra}]'"
        print(f"lgnet: {line}", file=sys.stderr)
        return EXIT_USER_ERROR


def _terminate(*_: object) -> None:
    """Unwind as Ctrl-C does, so that nothing half-written stays."""
    raise SystemExit(EXIT_TERMINATED)


def _import_command(name: str) -> Command:
    """Its module. Until it is there Ctrl-C ends the process at once: libraries that are interrupted while
    they load complain at length, and there is nothing to clear away yet.
    """
    with answering(signal.SIGINT, signal.default_int_handler, signal.SIG_DFL):
        return importlib.import_module(f"lgnet_ros.cli.{name}")  # type: ignore[return-value]


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("lgnet", description="Two interacting hands from one camera image.")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name == wanted:
            command = _import_command(name)
            subparser.description = command.HELP
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    args, rest = parser.parse_known_args(arguments)
    # What is left over: argparse lets no words follow options, but `key=value` may stand anywhere.
    words = [word for word in rest if "=" in word and not word.startswith("-")]
    if len(words) < len(rest) or (words and not hasattr(args, "overrides")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if words:
        args.overrides = [*args.overrides, *words]
    if getattr(args, "seed", 0) < 0:
        raise UserError(f"--seed {args.seed}: must not be negative")
    return args


if __name__ == "__main__":
    sys.exit(main())
