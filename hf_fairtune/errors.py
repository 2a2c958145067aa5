"""The one error that says: what you gave, what was wanted, what to do."""


class FairTuneError(ValueError):
    """Bad input, told in one line; the command prints it without a traceback and exits with 2."""
