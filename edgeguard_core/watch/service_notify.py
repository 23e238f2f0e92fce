"""Words to the service manager: that the watch is ready, and that it still goes on.

systemd names a socket in ``NOTIFY_SOCKET``; a datagram there is all it takes (sd_notify(3)).
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"


@dataclass
class ServiceManager:
    """What the environment says of the one that started this process.

    Attributes
    ----------
    address
        Of its socket; None where nobody listens, and ``tell`` then does nothing.
    every_s
        How often it wants to hear ``ALIVE``: half of what makes it restart the service. None
        where it watches for nothing.
    """

    address: str | None = None
    every_s: float | None = None
    _told_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None) -> "ServiceManager":
        """The one of this process, by default as its environment says.

        >>> ServiceManager.of({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "60000000"}).every_s
        30.0
        """
        variables = os.environ if environment is None else environment
        address = variables.get("NOTIFY_SOCKET") or None
        text = variables.get("WATCHDOG_USEC", "")
        meant = variables.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        every_s = int(text) / 2e6 if text.isdigit() and int(text) and meant else None
        return cls(address, every_s if address else None)

    def tell(self, word: str, status: str = "") -> bool:
        """Whether the word was sent; a manager that is gone is no reason to stop watching.

        Parameters
        ----------
        status
            One line that ``systemctl status`` shows.
        """
        if self.address is None:
            return False
        # An address that starts with @ is an abstract one.
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        lines = [word, *([f"STATUS={' '.join(status.split())}"] if status else [])]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), name)
        except OSError:
            return False
        return True

    def beat(self, now_s: float) -> None:
        """Say that the watch is ready, once, and from then on that it goes on, as often as wanted.

        To be called each second by what must not stand still.
        """
        if self._told_s is None:
            self.tell(READY)
        elif self.every_s is None or now_s - self._told_s < self.every_s:
            return
        else:
            self.tell(ALIVE)
        self._told_s = now_s
