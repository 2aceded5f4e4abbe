"""What is between a client and a broker? A network that can be cut, or go silent without closing anything."""

import socket
import threading
from contextlib import suppress


class Network:
    """A TCP proxy on loopback: passes bytes both ways until told otherwise."""

    def __init__(self, port: int) -> None:
        self.connection_count = 0
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End every connection there is; new ones are let through."""
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def go_silent(self) -> None:
        """Swallow what the connections there are carry, and close nothing; new ones are let through."""
        self._silent.update(end for pair in self._pairs for end in pair)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._to)
            except OSError:
                if self._listener.fileno() < 0:
                    return
                near.close()
                continue
            self.connection_count += 1
            self._pairs.append((near, far))
            for here, there in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while content := here.recv(65_536):
                if here not in self._silent:
                    there.sendall(content)
        if here not in self._silent:
            with suppress(OSError):
                there.shutdown(socket.SHUT_RDWR)
