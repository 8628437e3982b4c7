"""An application that runs on a mounted llm.json: app.py FILE PORT [SIGNING_KEY_FILE]"""

import json, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from hot import HotFile
from signature import accepted

PATH, PORT, KEY_FILE = (sys.argv[1:] + [None])[:3]


def parse(data):
    value = json.loads(data)
    if not isinstance(value, dict) or value.get("provider") not in ("anthropic", "local", "openai"):
        raise ValueError("provider must be anthropic, local or openai")  # others read it: it quotes no content
    return value


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            self.answer(200 if llm.current else 503, llm.current)
        elif self.path != "/-/reload":
            self.answer(404)
        elif not accepted(self.headers["Reload-Signature"], self.command, self.path, KEY_FILE):
            self.answer(401)
        else:
            if self.command == "POST":
                llm.reload()
            self.answer(*llm.told())

    do_POST = do_GET

    def do_PUT(self):
        self.answer(405)

    do_PATCH = do_DELETE = do_PUT

    def answer(self, status, value=None):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the first process of a container has no default handler
llm = HotFile(PATH, parse)
ThreadingHTTPServer(("", int(PORT)), Handler).serve_forever()
