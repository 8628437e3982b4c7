"""Reload-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(key, "<t>.<METHOD>.<path>")>"""

import hashlib, hmac, re, time
from pathlib import Path


def accepted(header, method, path, key_file):
    if key_file is None:  # no signature is asked for
        return True
    parts = re.fullmatch("t=([0-9]{1,12}),v1=([0-9a-f]{64})", header or "")
    if parts is None or abs(time.time() - int(parts[1])) > 300:
        return False
    key = Path(key_file).read_bytes()  # each time: a key that was rotated counts at once
    wanted = hmac.new(key, f"{parts[1]}.{method}.{path}".encode(), hashlib.sha256).hexdigest()
    return key != b"" and hmac.compare_digest(wanted, parts[2])
