"""An S3-compatible server for tests, in memory: moto's, and it can be told to fail.

    python server.py PORT BUCKET

Requests are served one after the other. moto looks whether an object is there and then writes it, which only so is one
step, as in a real store.

GET /-/fail?method=PUT&part=catalog/log&times=2&how=lose makes the next two requests of that kind go wrong: `lose` does what was
asked and answers 500, `refuse` answers 503 and does nothing, `overwrite` takes no notice of If-None-Match. `times=0` ends it.
"""

import sys
from urllib.parse import parse_qs

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

ERROR = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>as the test wants</Message></Error>"


class Failing:
    """Passes requests on, but for those that a test wants to fail."""

    def __init__(self, app):
        self.app = app
        self.rule = {"times": 0}

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/-/fail":
            self.rule = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
            self.rule["times"] = int(self.rule["times"])
            start_response("204 No Content", [])
            return []
        if not self.is_meant(environ):
            return self.app(environ, start_response)
        self.rule["times"] -= 1
        if self.rule["how"] == "overwrite":
            environ.pop("HTTP_IF_NONE_MATCH", None)
            return self.app(environ, start_response)
        if self.rule["how"] == "lose":
            for _ in self.app(environ, lambda *_: None):
                pass
            return answer(start_response, "500 Internal Server Error", b"InternalError")
        return answer(start_response, "503 Service Unavailable", b"SlowDown")

    def is_meant(self, environ):
        rule = self.rule
        return (
            rule["times"] > 0
            and rule.get("method", environ["REQUEST_METHOD"]) == environ["REQUEST_METHOD"]
            and rule.get("part", "") in environ["PATH_INFO"]
        )


def answer(start_response, status, code):
    start_response(status, [("Content-Type", "application/xml")])
    return [ERROR % code]


class Quiet(WSGIRequestHandler):
    """Hosts look four times a second."""

    def log_request(self, code="-", size="-"):
        pass


def main():
    port, bucket = int(sys.argv[1]), sys.argv[2]
    app = DomainDispatcherApplication(create_backend_app)
    app.get_application({"HTTP_HOST": "s3.amazonaws.com", "PATH_INFO": "/"}).test_client().put(f"/{bucket}")
    run_simple("127.0.0.1", port, Failing(app), threaded=False, request_handler=Quiet)


main()
