"""What does a handler of our connection say that only takes what is lifted out of the socket?"""

from collections.abc import Callable
from typing import Any

TOPICS = "tm/v1/+/+/pos"


class Listening:
    """Subscribes, and says when it is; wants everything. What becomes of messages is up to `turn` of those below."""

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready = ready

    def connected(self, client: Any, _granted: object) -> None:
        client.subscribe(TOPICS, 1)

    def subscribed(self, *_: object) -> None:
        self._ready()

    def disconnected(self) -> None: ...
    def unsubscribed(self, _packet_id: int) -> None: ...
    def received(self, _message: object) -> None: ...
    def published(self, *_: object) -> None: ...

    def wants_messages(self) -> bool:
        return True
