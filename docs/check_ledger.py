"""Checks an export of a ledger, JSON lines or CSV, alone: python3 check_ledger.py EXPORT [HEAD.json KEYS.json]. Where they come from: ledger.md."""
import json, re, sys
from decimal import Decimal
from hashlib import sha256, sha512
NAMES = "organization_id currency month sequence id type amount balance_after held_after category reference_id description created_at".split()
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # RFC 8032: the field, the group's order
D, I, B = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P), bytes([0x58]) + bytes([0x66]) * 31
def entries(lines, text="", names=None):  # in CSV an empty cell is null; what a spreadsheet would execute has an apostrophe before it
    for line in lines:
        if line[0] == "{" and not text: yield json.loads(line); continue
        if (text := text + line).count('"') % 2: continue  # a text goes on in the next line
        found = re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^,\r\n]*)', text)
        cells = [re.sub("^'(?=[=+@\t\r\n'＝＋－＠-])", "", c[1:-1].replace('""', '"') if c[0] == '"' else c) if c else None for c in found]
        if names: yield (e := dict(zip(names, cells))) | {"sequence": int(e["sequence"]), "metadata": json.loads(e["metadata"])}
        names, text = names or cells, ""
    if text: sys.exit("the export ends within a line")
def fields(*values):
    return b"".join(b"~," if v is None else b"%d:%s," % (len(t := str(v).encode()), t) for v in values)
def canonical(e):
    pairs = sorted((k.encode(), k, v) for k, v in e["metadata"].items())
    return fields("bsp.ledger.1", *(e[n] for n in NAMES), len(pairs), *(x for _, k, v in pairs for x in (k, v)))
def point(b):  # RFC 8032, 5.1.3
    y, odd = (n := int.from_bytes(b, "little")) & (1 << 255) - 1, n >> 255
    u, v = y * y - 1, D * y * y + 1
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * I % P
    if y >= P or (v * x * x - u) % P or (x == 0 and odd): sys.exit("a key or a signature is no point of the curve")
    return (x := x if x & 1 == odd else P - x), y, 1, x * y % P
def plus(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def times(n, p, q=(0, 1, 1, 0)):
    for bit in bin(n)[2:]: q = plus(plus(q, q), p) if bit == "1" else plus(q, q)
    return q
def signed(key, message, s):
    h, n = int.from_bytes(sha512(s[:32] + key + message).digest(), "little") % L, int.from_bytes(s[32:], "little")
    a, b = times(n, point(B)), plus(point(s[:32]), times(h, point(key)))
    return len(s) == 64 and n < L and all((a[i] * b[2] - b[i] * a[2]) % P == 0 for i in (0, 1))
def no(e, why): sys.exit(f"entry {e['sequence']} of {e['month']} ({e['id']}) {why}")
head, last, tree, count, met = json.load(open(sys.argv[2])) if len(sys.argv) > 2 else None, {}, [], 0, False
for count, e in enumerate(entries(open(sys.argv[1], encoding="utf-8", newline="")), 1):
    opens, out = e["type"] == "opening", e["type"] == "debit" or (e["type"], e["category"]) == ("refund", "refund")
    start = last == {} or last["currency"] != e["currency"]  # an export may begin with a later month: what lies before is then not checked
    if e["sequence"] != (1 if opens else last.get("sequence", -1) + 1): no(e, "does not follow the one before")
    if not start and (last["type"] == "closing") != opens or e["previous_hash"] != (e["previous_hash"] if start else last["hash"]): no(e, "breaks the chain")
    if sha256(bytes.fromhex(e["previous_hash"]) + canonical(e)).hexdigest() != e["hash"]: no(e, "is not what was hashed")
    if not start and Decimal(last["balance_after"]) + Decimal(e["amount"]) * (-1 if out else e["type"] in ("credit", "refund")) != Decimal(e["balance_after"]): no(e, "does not add up")
    tree, n, node, last = [] if opens else tree, e["sequence"] - 1, sha256(b"\0" + bytes.fromhex(e["hash"])).digest(), e
    while n & 1: n, node = n >> 1, sha256(b"\1" + tree.pop() + node).digest()
    tree.append(node)
    if head and all(e[a] == head[b] for a, b in (("currency", "currency"), ("month", "month"), ("sequence", "size"))):
        root, met = tree[-1], True
        for node in tree[-2::-1]: root = sha256(b"\1" + node + root).digest()
        if (e["hash"], root.hex(), e["balance_after"], e["held_after"]) != tuple(head[n] for n in ("head_hash", "root", "balance", "held")): no(e, "is not the head")
if head:
    key = next((k["hex"] for k in json.load(open(sys.argv[3]))["keys"] if k["kid"] == head["key_id"]), None) or sys.exit("the head's key is not among the keys")
    said = fields("bsp.head.1", *(head[n] for n in "organization_id currency month size head_hash root balance held at".split()))
    if not met or not signed(bytes.fromhex(key), said, bytes.fromhex(head["signature"])): sys.exit("the head is not in the export, or its signature is false")
print(f"{count} entries hold" + (f", up to the head signed by {head['key_id']}" if head else ""))
