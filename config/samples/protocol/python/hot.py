"""A mounted file that is reloaded while the application runs, and what is told of it at /-/reload."""

import hashlib, threading, time
from datetime import datetime, timezone
from pathlib import Path


class HotFile:
    def __init__(self, path, parse):
        self.path, self.parse, self.lock = path, parse, threading.Lock()
        self.current, self.loaded, self.error = None, {"path": path}, None
        self.reload()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            time.sleep(0.5)
            self.reload()

    def reload(self):  # all or nothing: read, parse, and only then swap
        with self.lock:
            try:
                data = Path(self.path).read_bytes()  # opened anew: through the link that the kubelet swaps
                digest = hashlib.sha256(data).hexdigest()
                if digest != self.loaded.get("sha256"):
                    self.current, now = self.parse(data), datetime.now(timezone.utc)
                    self.loaded = {"path": self.path, "sha256": digest, "loadedAt": now.isoformat()}
                self.error = None
            except Exception as thrown:  # whatever it is, the earlier configuration stays in force
                self.error = " ".join(str(thrown).split()) or type(thrown).__name__

    def told(self):
        with self.lock:
            file = {**self.loaded, "error": self.error} if self.error else self.loaded
            return (422 if self.error else 200), {"reload": "v1", "files": [file]}
