"""Memory and processor time of another process, from psutil where it is installed."""

from hadua.models.errors import RuntimeUnavailableError


class ProcessUnknownError(RuntimeUnavailableError):
    """Nobody can be asked about other processes."""


class Process:
    """A process of this machine.

    Args:
        pid: Its id.

    Raises:
        ProcessUnknownError: psutil is not installed.
    """

    def __init__(self, pid: int) -> None:
        try:
            import psutil
        except ImportError as error:
            raise ProcessUnknownError("psutil is not here: pip install psutil") from error
        self._process = psutil.Process(pid)

    def memory_mb(self) -> float:
        """Resident memory."""
        return float(self._process.memory_info().rss) / 2**20

    def cpu_s(self) -> float:
        """Seconds of the processor since it started."""
        user_s, system_s = self._process.cpu_times()[:2]
        return float(user_s + system_s)
