"""The one error that a user of the package is meant to read."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can mend: one line that names the thing and says what to do.

    Command-line tools print the line and exit with status 2; the node logs it and refuses the transition.
    """
