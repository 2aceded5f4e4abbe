"""An S3 server for tests: moto's, in a process of its own, with what a store needs and moto lacks.

One request at a time, because a condition has to be looked at and met in one step. Another key than `key` is refused.
In buckets whose name begins with `careless` no condition is looked at, as in stores that do not know any.
Run by a Python that has moto: `python tests/stores/server.py`; prints its port, and stops when its input ends.
"""

import os
import sys
from threading import Lock
from wsgiref.types import StartResponse, WSGIEnvironment

os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
REFUSED = b"<Error><Code>InvalidAccessKeyId</Code><Message>The key you provided does not exist</Message></Error>"


class OneByOne:
    """The server behind a lock and a doorkeeper."""

    def __init__(self, app: object) -> None:
        self.app, self.lock = app, Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> object:
        if "Credential=key/" not in environ.get("HTTP_AUTHORIZATION", ""):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [REFUSED]
        if environ["PATH_INFO"].startswith("/careless"):
            environ.pop("HTTP_IF_NONE_MATCH", None)
        with self.lock:
            return self.app(environ, start_response)  # type: ignore[operator]


def main() -> None:
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(os.environ.get("STORE_LOG", "ERROR"))
    app = OneByOne(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    from threading import Thread

    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
