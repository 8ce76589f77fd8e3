"""The command `lgnet`: what it says and with which status it ends."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from lgnet_ros.cli import main as cli
from lgnet_ros.errors import UserError
from lgnet_ros.files import whole_file

COMMAND_MODULES = {
    path.stem
    for path in Path(cli.__file__).parent.glob("[a-z]*.py")
    if "HELP" in path.read_text(encoding="utf-8")
} - {"main"}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A command `probe` that tests fill in."""
    module = types.ModuleType("lgnet_ros.cli.probe")
    module.HELP = "a probe"
    module.add_arguments = lambda parser: parser.add_argument("--number", type=int, default=1)
    module.run = lambda args: 0
    monkeypatch.setitem(sys.modules, "lgnet_ros.cli.probe", module)
    monkeypatch.setitem(cli.COMMANDS, "probe", "a probe")
    return module


def test_the_table_lists_the_commands_that_there_are() -> None:
    assert set(cli.COMMANDS) == COMMAND_MODULES


def test_a_command_gets_its_arguments_and_gives_the_status(command: types.ModuleType) -> None:
    command.run = lambda args: args.number
    assert cli.main(["probe", "--number", "5"]) == 5


def test_a_users_mistake_is_one_line_and_status_2(
    command: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise UserError("weights 'x': no such file; see weights/README.md")

    command.run = run
    assert cli.main(["probe"]) == 2
    written = capsys.readouterr()
    assert written.err == "lgnet: weights 'x': no such file; see weights/README.md\n"
    assert written.out == ""


def test_a_programming_error_is_not_hidden(command: types.ModuleType) -> None:
    command.run = lambda args: {}["missing"]
    with pytest.raises(KeyError):
        cli.main(["probe"])


def test_an_interrupt_ends_without_a_traceback(command: types.ModuleType) -> None:
    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command.run = run
    assert cli.main(["probe"]) == 130


def test_a_command_that_is_terminated_leaves_nothing_half_written(
    command: types.ModuleType, tmp_path: Path
) -> None:
    def run(args: argparse.Namespace) -> int:
        with whole_file(tmp_path / "result.json") as part:
            part.write_text("{")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        return 0

    command.run = run
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        cli.main(["probe"])
    assert ended.value.code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


def _take_interrupts() -> None:
    """As in a terminal: what a script starts in the background inherits that they are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("after_s", [0.0, 1.0, 2.0, 4.0])
def test_ctrl_c_is_taken_without_a_word_while_libraries_and_workers_start(
    tmp_path: Path, after_s: float
) -> None:
    """As a terminal sends it: to the command and all that it has started."""
    words = ["synth", "--out", str(tmp_path), "--count", "100000", "--workers", "2", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "lgnet_ros.cli.main", *words],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_take_interrupts,
    ) as process:
        loaded = Path(f"/proc/{process.pid}/maps")
        while "numpy" not in loaded.read_text():  # how Python itself starts is not ours
            time.sleep(0.01)
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode in (-signal.SIGINT, 130)
    assert said == b""


@pytest.mark.parametrize(
    "arguments", [[], ["no-such-command"], ["run", "--no-such-option"], ["run", "--duration", "-1"]]
)
def test_wrong_usage_is_explained_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    written = capsys.readouterr()
    assert "usage: lgnet" in written.err and written.out == ""


def test_help_lists_every_command_without_importing_any() -> None:
    program = (
        "import sys; from lgnet_ros.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'numpy', 'rclpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in shown.stdout.splitlines() if line.startswith("    ")}
    assert set(cli.COMMANDS) <= listed


@pytest.mark.parametrize("name", sorted(COMMAND_MODULES))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: lgnet {name}" in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = f"{sys.executable} -m lgnet_ros.cli.main --help | head -n 1"
    shown = subprocess.run(["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True)
    assert shown.returncode == 0 and "Traceback" not in shown.stderr


def documented_trainings() -> list[str]:
    """The commands that documentation and recipes name, without what stands for something else."""
    root = Path(__file__).resolve().parents[2]
    pages = [*root.glob("docs/*.md"), *root.glob("config/train/*.yaml"), root / "weights" / "README.md"]
    texts = [page.read_text(encoding="utf-8").replace("\\\n", " ") for page in pages]
    lines = [line.strip("# ") for text in texts for line in text.splitlines()]
    return [line for line in lines if line.startswith("lgnet train config/")]


@pytest.mark.parametrize("line", documented_trainings())
def test_documented_trainings_can_be_read(line: str) -> None:
    words = shlex.split(line.replace("$CPU", "--devices 2 --threads 1"), comments=True)[1:]
    args = cli._parse(words)
    assert args.overrides == [word for word in words if "=" in word]


def test_words_that_are_no_overrides_are_refused(command: types.ModuleType) -> None:
    for words in (["train", "recipe.yaml", "--devices", "2", "nonsense"], ["probe", "--number", "2", "a=b"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == 2


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "/closed"), "lgnet: /closed: Permission denied"),
        (
            ModuleNotFoundError("No module named 'torchmetrics'", name="torchmetrics"),
            "lgnet: needs torchmetrics: pip install 'lgnet_ros[train]'",
        ),
        (
            ModuleNotFoundError("No module named 'cv2'", name="cv2"),
            f"lgnet: Python module 'cv2' is missing for {sys.executable}: "
            f"{sys.executable} -m pip install opencv-python-headless",
        ),
    ],
)
def test_what_the_system_lacks_is_one_line(
    command: types.ModuleType, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise error

    command.run = run
    assert cli.main(["probe"]) == 2
    assert capsys.readouterr().err == line + "\n"


def test_no_command_takes_a_negative_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["synth", "--seed", "-1"]) == 2
    assert capsys.readouterr().err == "lgnet: --seed -1: must not be negative\n"
