"""Runs on a mounted llm.json, and reloads it: app.py FILE PORT [SIGNING_KEY_FILE]"""

import hashlib, json, signal, sys, threading, time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signature import accepted

PATH, PORT, KEY_FILE = (sys.argv[1:] + [None])[:3]
lock, config, loaded, error = threading.Lock(), None, {"path": PATH}, None


def parse(data):
    value = json.loads(data)
    if value["provider"] not in ("anthropic", "local", "openai"):
        raise ValueError("provider must be anthropic, local or openai")  # others read it: it never quotes content
    return value


def reload():  # all or nothing: read, parse, and only then swap
    global config, loaded, error
    with lock:
        try:
            data = Path(PATH).read_bytes()  # opened anew, by its path: through the link that the kubelet swaps
            digest = hashlib.sha256(data).hexdigest()
            if digest != loaded.get("sha256"):
                config = parse(data)
                loaded = {"path": PATH, "sha256": digest, "loadedAt": datetime.now(timezone.utc).isoformat()}
            error = None
        except Exception as thrown:  # whatever it is, the earlier configuration stays in force
            error = str(thrown) if isinstance(thrown, (OSError, ValueError)) else type(thrown).__name__


def watch():
    while True:
        time.sleep(0.5)
        reload()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            return self.answer(200 if config else 503, config)
        if self.path != "/-/reload":
            return self.send_error(404)
        if not accepted(self.headers["Reload-Signature"], self.command, self.path, KEY_FILE):
            return self.send_error(401)
        if self.command == "POST":
            reload()
        with lock:
            status, file = (422, {**loaded, "error": error}) if error else (200, loaded)
        self.answer(status, {"reload": "v1", "files": [file]})

    do_POST = do_GET

    def do_PUT(self):
        self.send_error(405)

    do_PATCH = do_DELETE = do_HEAD = do_PUT

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the first process of a container has no default handler
reload()
threading.Thread(target=watch, daemon=True).start()
ThreadingHTTPServer(("", int(PORT)), Handler).serve_forever()
