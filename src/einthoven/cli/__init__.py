"""The command line: one file a verb, its arguments taken from the function's signature.

A verb is imported when it is called, so `einthoven --help` is quick and imports no torch.
"""

__all__ = ["main"]

import ast
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from cyclopts import App, Parameter

import einthoven
from einthoven import registry

_DEFAULTS = Parameter(negative=(), consume_multiple=True)


def _summary(verb: str) -> str:
    """The first line of a verb's module, read without importing it."""
    spec = find_spec(f"einthoven.cli.{verb}")
    assert spec is not None and spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _app() -> App:
    app = App(
        name="einthoven",
        help="Learn to read the 12-lead ECG when labels are scarce, and know how far to trust the result. "
        "Research use only; not a medical device.",
        version=einthoven.__version__,
        default_parameter=_DEFAULTS,
        suppress_keyboard_interrupt=False,  # main says that the work can go on
    )
    for verb in registry.names("cli"):
        app.command(f"einthoven.cli.{verb}:{verb}", name=verb, help=_summary(verb))
    return app


def main(arguments: list[str] | None = None) -> None:
    """Runs a command; what the user can mend is said in one sentence, with exit code 1.

    Arguments:
        arguments: The words after `einthoven`; by default those of the process.
    """

    # Two busy cores make small convolutions a hundred times slower if idle threads spin; it must be set before torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        _app()(arguments, exit_on_error=True, result_action="return_value")
    except (ValueError, OSError, registry.UnknownName) as error:
        if os.environ.get("EINTHOVEN_TRACEBACK"):
            raise
        print(f"einthoven: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\neinthoven: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
