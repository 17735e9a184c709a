"""The errors that people see. Each message is one sentence that says what is wrong and what to do."""


class MceError(Exception):
    """Base of all expected failures; `exit_code` is what the command line and the worker exit with."""

    exit_code = 1


class InputError(MceError):
    """What the user gave cannot be used: a raster, an extent, a parameter."""

    exit_code = 2


class ModelError(InputError):
    """A model bundle is unreadable, hostile, of another format, or does not fit its weights."""


class DeviceError(InputError):
    """The device or precision asked for is not there."""


class TrainingError(MceError):
    """A training came to nothing: its loss diverged."""


class OutputError(MceError):
    """Results cannot be written: read-only folder, full disk, something in the way."""


class BackendError(MceError):
    """The Python environment of the backend is missing, incomplete or broken."""


class Cancelled(MceError):  # noqa: N818 - a request, not an error
    """The user asked to stop."""

    exit_code = 130
