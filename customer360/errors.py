"""Errors that the user can mend. Everything else is a defect and keeps its traceback."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend: the message says what is wrong, where, and how to mend it.

    The command line prints the message alone and ends with exit code 2. No message carries a personal value.
    """

    exit_code = 2
