# Standard Webhooks in Python, without a package: True when the body (bytes) is ours, unchanged, and no older than five minutes.
import base64
import hashlib
import hmac
import time


def verify(secret, headers, body, now=None):
    id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp") or ""
    if not id or not timestamp.isdigit() or abs((now or time.time()) - int(timestamp)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    for signature in (headers.get("webhook-signature") or "").split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(base64.b64encode(expected).decode(), value):
            return True
    return False
