"""An S3 server of loopback alone, in memory: python s3.py BUCKET [PORT]; the first line printed is its address."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


class OneByOne:
    """Requests one after the other: moto looks at a condition and puts in two steps, and a real store in one."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app, self._lock = app, threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            return list(self._app(environ, start))


def serve(bucket: str, port: int = 0) -> Any:
    """The server, not yet running, with a bucket in it."""
    import boto3

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = OneByOne(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server.port}", **keys).create_bucket(Bucket=bucket)
    return server


if __name__ == "__main__":
    made = serve(sys.argv[1], int(*sys.argv[2:] or [0]))
    sys.stdout.write(f"http://127.0.0.1:{made.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
