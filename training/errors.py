"""Errors a user can cause or must hear of; each message is one line that says what to do."""

__all__ = [
    "ConfigError",
    "DataError",
    "DivergedError",
    "Interrupted",
    "LostProcessError",
    "RunError",
    "TrainingError",
    "reason",
]


class TrainingError(Exception):
    """Anything that stops a command with one line on stderr and exit code 2."""


class ConfigError(TrainingError):
    """An unknown preset or field, or a value out of range."""


class DataError(TrainingError):
    """A corpus that is missing, damaged or cannot be fetched."""


class RunError(TrainingError):
    """A run that cannot be read or continued, or a file that cannot be written."""


class DivergedError(RunError):
    """A run whose loss is no number any more, or hopeless."""


class LostProcessError(RunError):
    """Another process of the same run is not there any more."""


class Interrupted(Exception):  # noqa: N818 - not an error: the run was asked to stop
    """SIGTERM or SIGINT arrived and everything worth keeping has been saved."""

    def __init__(self, signal_number: int, message: str) -> None:
        """Say what is the case now.

        Args:
            signal_number: As in the `signal` module.
            message: One line: what was saved, and how to go on.
        """
        super().__init__(message)
        self.signal_number = signal_number


def reason(error: BaseException) -> str:
    """What another library's error says, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
