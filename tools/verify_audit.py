#!/usr/bin/env python3
"""The second verifier of adaptd's audit log: one file, no code of adaptd, one dependency (``cryptography``, for Ed25519).

    python verify_audit.py DIR [--key FILE-OR-TEXT] [--witness NOTE]... [--witness-key FILE-OR-TEXT]... [--json]

It was written from the format's description (docs/audit.md), not from the first verifier, so that a mistake in one is not a
mistake in both. It checks bytes, numbering, hashes, tree, signatures, key hand-overs, head file, pruning and time. It can not
run decisions again: that takes the decision code. It draws the coin of the loss account again, counts its
statements anew and computes their bounds with a formula of its own.
Exit code 0: valid. 1: not. 2: wrong usage.

How it differs in kind from the first: it parses JSON by hand and writes it back by hand, keeps every leaf of the tree and folds
roots from the top down, and never holds more of the log than two segments.
"""

import argparse
import base64
import hashlib
import json
import math
import os
import re
import stat
import sys
import time
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LIMIT = 2**53
DEEPEST = 16
LONGEST = 1 << 20
GENESIS = "0" * 64
USUAL_DAYS = 184  # what is kept where nobody asks for less
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
UNESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
PLAIN_TEXT = re.compile(r'[^"\\\x00-\x1f]*')
NEEDS_ESCAPE = re.compile(r'["\\\x00-\x1f]')


class Bad(Exception):  # noqa: N818 - a finding
    """The log stops to hold: what kind of fault, from which record on, and why."""

    def __init__(self, verdict, seq, why):
        super().__init__(why)
        self.verdict, self.seq, self.why = verdict, seq, why


class Vanished(Exception):  # noqa: N818 - a finding
    """A segment was pruned between looking at the folder and reading it."""


class NotCanonical(Exception):  # noqa: N818 - a finding
    """The bytes are not the canonical form of anything."""


# ---------------------------------------------------------------- canonical JSON, read and written by hand


class Reader:
    """A recursive-descent parser for objects, arrays, strings, integers, true, false and null."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def value(self, depth=0):
        text, at = self.text, self.at
        mark = text[at : at + 1]
        if mark in ("{", "["):
            if depth >= DEEPEST:
                raise NotCanonical("too deep")
            return self.members(depth) if mark == "{" else self.items(depth)
        if mark == '"':
            return self.string()
        for word, meaning in (("true", True), ("false", False), ("null", None)):
            if text.startswith(word, at):
                self.at += len(word)
                return meaning
        found = NUMBER.match(text, at)
        if not found or len(found[0]) > 17 or found[0] == "-0":
            raise NotCanonical("no value")
        self.at = found.end()
        number = int(found[0])
        if abs(number) >= LIMIT:
            raise NotCanonical("integer too large")
        return number

    def members(self, depth):
        found, last = {}, None
        self.at += 1
        if self.take("}"):
            return found
        while True:
            key = self.string()
            if not key.isascii() or (last is not None and key <= last):
                raise NotCanonical("keys")
            last = key
            self.need(":")
            found[key] = self.value(depth + 1)
            if self.take("}"):
                return found
            self.need(",")

    def items(self, depth):
        found = []
        self.at += 1
        if self.take("]"):
            return found
        while True:
            found.append(self.value(depth + 1))
            if self.take("]"):
                return found
            self.need(",")

    def string(self):
        self.need('"')
        parts = []
        while True:
            plain = PLAIN_TEXT.match(self.text, self.at)
            parts.append(plain[0])
            self.at = plain.end() + 1
            mark = self.text[plain.end() : plain.end() + 1]
            if mark == '"':
                return "".join(parts)
            if mark != "\\":
                raise NotCanonical("string")
            parts.append(self.escape())

    def escape(self):
        mark = self.text[self.at : self.at + 1]
        self.at += 1
        if mark in UNESCAPES and mark:
            return UNESCAPES[mark]
        digits = self.text[self.at : self.at + 4]
        if mark != "u" or not re.fullmatch("[0-9a-f]{4}", digits) or int(digits, 16) >= 0x20:
            raise NotCanonical("escape")
        self.at += 4
        return chr(int(digits, 16))

    def take(self, mark):
        if self.text.startswith(mark, self.at):
            self.at += 1
            return True
        return False

    def need(self, mark):
        if not self.take(mark):
            raise NotCanonical("expected " + mark)


def written(value):
    """The only way to write ``value``."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + NEEDS_ESCAPE.sub(lambda one: ESCAPES.get(one[0]) or f"\\u{ord(one[0]):04x}", value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return "{" + ",".join(written(key) + ":" + written(value[key]) for key in sorted(value)) + "}"


def canonical(line):
    """The value of a line; NotCanonical unless its bytes are the only way to write that value."""
    if len(line) > LONGEST:
        raise NotCanonical("too long")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise NotCanonical("not UTF-8") from None
    reader = Reader(text)
    value = reader.value()
    if reader.at != len(text) or written(value).encode("utf-8") != line:
        raise NotCanonical("not canonical")
    return value


# ---------------------------------------------------------------- tree, notes, signatures


class Leaves:
    """All leaf hashes, with the hashes of complete aligned subtrees remembered; roots are folded from the top down."""

    def __init__(self, size, peaks):
        self.base, self.known = size, {}
        at, rest = 0, size
        for peak in peaks:
            width = 1 << (rest.bit_length() - 1)
            self.known[(at, width)] = peak
            at, rest = at + width, rest - width
        self.leaves = []

    def add(self, line):
        self.leaves.append(hashlib.sha256(b"\x00" + line).digest())

    def node(self, at, width):
        """The hash over the ``width`` leaves from ``at`` on."""
        if (at, width) in self.known:
            return self.known[(at, width)]
        if width == 1:
            return self.leaves[at - self.base]
        half = 1 << ((width - 1).bit_length() - 1)
        value = hashlib.sha256(b"\x01" + self.node(at, half) + self.node(at + half, width - half)).digest()
        if width & (width - 1) == 0:
            self.known[(at, width)] = value
        return value

    def root(self, size):
        return self.node(0, size) if size else hashlib.sha256(b"").digest()


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def note_parts(text):
    """Body and (name, key id, signature) triples of a signed note, or None."""
    if not isinstance(text, str) or len(text) > 16384 or re.search("[\x00-\x09\x0b-\x1f]", text):
        return None
    cut = text.rfind("\n\n")
    if cut < 0 or not text.endswith("\n"):
        return None
    signatures = []
    for line in text[cut + 2 : -1].split("\n"):
        found = re.fullmatch("— ([^ ]+) ([^ ]+)", line)
        data = unbase64(found[2]) if found else None
        if data is None or len(data) < 5:
            return None
        signatures.append((found[1], data[:4], data[4:]))
    return (text[: cut + 1], signatures) if len(signatures) <= 32 else None


def good(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_by(text, name, public):
    """The body of a note that ``public`` signed under ``name``, or None."""
    parts = note_parts(text)
    if parts is None:
        return None
    body, signatures = parts
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    mine = [data for who, which, data in signatures if (who, which) == (name, key_id)]
    return body if mine and all(good(public, data, body.encode()) for data in mine) else None


def cosigned_at(text, name, public):
    """When a witness cosigned a note (C2SP cosignature/v1), in seconds of UTC, or None."""
    body, signatures = note_parts(text)
    key_id = hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    for who, which, data in signatures:
        if (who, which) == (name, key_id) and len(data) == 72:
            when = int.from_bytes(data[:8], "big")
            if good(public, data[8:], f"cosignature/v1\ntime {when}\n{body}".encode()):
                return when
    return None


def key_line(text):
    """(kind, name, public key, line) of a key line ``name+hash+base64``: kind 1 signs logs, kind 4 cosigns them; or None."""
    found = re.fullmatch(r"([!-*,-~]{1,96})\+([0-9a-f]{8})\+([^+]+=?=?|.+)", text.strip())
    data = unbase64(found[3]) if found else None
    if data is None or len(data) != 33 or data[0] not in (1, 4):
        return None
    if hashlib.sha256(found[1].encode() + b"\n" + data).hexdigest()[:8] != found[2]:
        return None
    return data[0], found[1], data[1:], text.strip()


def read_key(text):
    """(name, public key, line) of a log's key line, or None."""
    found = key_line(text)
    return found[1:] if found and found[0] == 1 else None


def read_witness_key(text):
    """(name, public key) of a witness's key line, or None."""
    found = key_line(text)
    return found[1:3] if found and found[0] == 4 else None


# ---------------------------------------------------------------- the folder


class Log:
    """A log folder as read: segments with their lines, head slots, the public key."""

    def __init__(self, folder):
        self.folder = folder
        try:
            names = sorted(name for name in os.listdir(folder) if re.fullmatch(r"[0-9]{8}\.log", name))
        except OSError:
            names = []
        self.files = [(int(name[:8]), name) for name in names]
        self.slots = self.head_slots(self.bytes("head"))

    def bytes(self, name):
        try:
            fd = os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_NONBLOCK)
            with open(fd, "rb") as file:
                about = os.fstat(fd)  # a pipe or a device would have no end, and no writer makes so large a file
                return file.read() if stat.S_ISREG(about.st_mode) and about.st_size <= 1 << 28 else None
        except OSError:
            return None

    def segment(self, name):
        data = self.bytes(name)
        if data is None and not os.path.lexists(os.path.join(self.folder, name)):
            raise Vanished
        return data or b""

    @staticmethod
    def head_slots(data):
        """Readable slots as (turn, size, root, last, origin, note text), newest first, and whether the file is whole."""
        if data is None:
            return [], False
        slots = []
        for place in (0, 1):
            slot = data[place * 512 : place * 512 + 512].ljust(512, b"\0")
            first, _, rest = slot.partition(b"\n")
            text = rest.rstrip(b"\0")
            parts = None
            if first == b"adaptd-head-1 %08x" % zlib.crc32(text):
                try:
                    parts = note_parts(text.decode())
                except UnicodeDecodeError:
                    parts = None
            lines = parts[0].split("\n") if parts else []
            if len(lines) != 7 or lines[0] != "adaptd acknowledged" or lines[6]:
                continue
            numbers = [int(one) if re.fullmatch("0|[1-9][0-9]{0,15}", one) else None for one in lines[2:4]]
            root = unbase64(lines[4])
            if None in numbers or root is None or len(lines[5]) != 64 or numbers[0] % 2 != place:
                continue
            slots.append((numbers[0], numbers[1], root, lines[5], lines[1], text.decode()))
        slots.sort(reverse=True)
        whole = len(data) == 1024 and len(slots) == 2 and slots[0][0] == slots[1][0] + 1
        return slots, whole


HEADER_FIELDS = {"before", "epoch", "first", "key", "origin", "peaks", "prev", "segment", "sig", "stale", "v"}


def header_of(data):
    """The header dict of a segment, or None."""
    if b"\n" not in data:
        return None
    try:
        head = canonical(data.split(b"\n", 1)[0])
    except NotCanonical:
        return None
    if not isinstance(head, dict) or set(head) != HEADER_FIELDS or head["v"] != 1:
        return None
    for name in ("before", "epoch", "first", "segment", "v"):
        if type(head[name]) is not int:
            return None
    if any(type(head[name]) is not str for name in ("key", "origin", "prev", "sig")) or type(head["stale"]) is not bool:
        return None
    peaks = head["peaks"]
    if type(peaks) is not list or not all(isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in peaks):
        return None
    key, signature = unbase64(head["key"]), unbase64(head["sig"])
    if head["first"] < 0 or len(peaks) != head["first"].bit_count() or key is None or signature is None:
        return None
    if len(key) != 32 or len(signature) != 64:
        return None
    unsigned = {name: item for name, item in head.items() if name != "sig"}
    head["public"], head["signature"], head["message"] = key, signature, b"adaptd segment\n" + written(unsigned).encode()
    lines = data.split(b"\n", 2)
    head["first_prev"] = prev_of(lines[1]) if len(lines) == 3 else None
    return head


def prev_of(line):
    """The hash that a line names for the line before it, or None."""
    try:
        record = canonical(line)
    except NotCanonical:
        return None
    named = record.get("prev") if isinstance(record, dict) else None
    return named if isinstance(named, str) else None


# ---------------------------------------------------------------- the coin and the books of the loss account


# A log makes room for so many frames to be drawn again: those of one long silence, and more for every decision.
MOST_FRAMES, FRAMES_A_DECISION = 1_000_000, 10_000
MOST_SHARES, MOST_STRETCHES = 16, 1024


def coin_fell(seed, frame, share):
    """Whether the coin chose a frame: the first 8 bytes of BLAKE2b("seed:frame") below ``share`` millionths of 2^64."""
    eight = hashlib.blake2b(f"{seed}:{frame}".encode(), digest_size=8).digest()
    return share > 0 and int.from_bytes(eight, "big") * 1_000_000 < share * 2**64


# v of each row, and its part of the weight; the rows of the thinnest rate hold 0.7 of the weight, those of the others share 0.3
GRID = ((1 / 128, 30 / 70), (0.3, 10 / 70), (0.45, 16 / 70), (0.6, 8 / 70), (0.75, 6 / 70))


class Bound:
    """The bound of the loss account in doubles, from its description in docs/audit.md: what one band's frames may have lost.

    W <= min over rows of (sum over rates of theta S + ln(1 / (a w))) / c, with c = ln((1 - q v) / (1 - q)) at the row's own rate
    q, and theta = -ln((1 - (1 - q) e^c) / q) at each rate in use. What is certain once stays so: frames since add one each.
    """

    def __init__(self, shares, error):
        self.rates = [share / 1e6 for share in shares]
        self.error = error
        self.seen = dict.fromkeys(shares, 0.0)
        self.used = set()
        self.whole = self.most = 0.0

    def take(self, share, frames, shadowed, loss, late):
        if share not in self.seen:
            self.whole += frames
            self.most += frames
            return
        self.used.add(share)
        self.seen[share] += loss
        self.whole += late
        self.most = min(self.most + frames - shadowed + late, self.whole + self.least())

    def least(self):
        best, used = math.inf, [(share / 1e6, self.seen[share]) for share in self.used]
        for q in self.rates:
            part = 1.0 if len(self.rates) == 1 else 0.7 if q == min(self.rates) else 0.3 / (len(self.rates) - 1)
            for v, weight in GRID:
                grown = (1 - q * v) / (1 - q)
                if any(1 - (1 - rate) * grown <= 1e-15 for rate, _ in used):
                    continue
                total = sum(-math.log((1 - (1 - rate) * grown) / rate) * loss for rate, loss in used)
                best = min(best, (total - math.log(self.error * weight * part)) / math.log(grown))
        return best


class Account:
    """What the records say of the loss account: commitments, reveals, draws, counts and bounds per window and band."""

    def __init__(self):
        self.bounds = 0
        self.open, self.now, self.seed, self.room = {}, None, None, MOST_FRAMES
        self.revealed = self.draws = self.frames = 0
        self.books, self.reference = {}, ""

    def feed(self, record, whole):
        """Why a record does not fit, or None. ``whole``: the log begins with its first record."""
        kind = record["kind"]
        if kind == "start":
            self.now = self.seed = None
        elif kind == "window_open":
            if len(record.get("shares") or ()) > MOST_SHARES:
                return "a window names more rates of the coin than any table has"
            self.now = {"window": record["window"], "told": [], "before": self.seed, "count": 0}
            self.open[record["coin"]] = self.now
            fresh = {"bands": {}, "loan": record["loan_ppm_frames"], "limit": record["limit_ppm"], "whole": whole}
            fresh["bounds"], fresh["shares"], fresh["error_ppb"] = {}, record.get("shares"), record.get("error_ppb")
            self.books.setdefault(record["window"], fresh)
            self.seed = None
        elif kind == "window_close":
            return self.reveal(record) or self.statements(record)
        elif kind == "decision" and self.now is not None:
            self.decision(record)
            if self.room < 0:
                return "a decision tells of more frames or stretches than any worker serves between two decisions"
        return None

    def decision(self, record):
        self.now["count"] += 1
        rows = record.get("in", {}).get("worker", {}).get("stretches", [])
        if len(rows) > MOST_STRETCHES:
            self.room = -1
            return
        mixed = self.now["before"] if self.now["count"] <= 2 else None
        self.room = min(MOST_FRAMES, self.room + FRAMES_A_DECISION)
        for row in rows:
            band, variant, share, frames, missed, shadowed, differed, loss, late, first, last, drawn = row
            self.room -= max(0, last - first + 1)
            self.now["told"].append((share, frames, first, last, drawn, mixed))
            window = self.books[self.now["window"]]
            book = window["bands"].setdefault(band, [0, 0, 0, 0])
            book[0] += frames - missed
            if variant != self.reference:
                if window["shares"]:
                    bound = window["bounds"].setdefault(band, Bound(window["shares"], window["error_ppb"] / 1e9))
                    bound.take(share, frames, shadowed, loss / 1e6, late / 1e6)
                book[1] += frames
                book[2] += shadowed
                book[3] += differed

    def reveal(self, record):
        tossed = self.open.pop(record["coin"], None)
        if tossed is None:
            return None  # its commitment was pruned
        seed = record["seed"]
        if type(seed) is not int and not re.fullmatch("[0-9a-f]{32}", seed):
            return "the seed of a coin is neither 32 hexadecimal digits nor a number"
        text = f"adaptd coin 1\n{record['window']}\n{seed}\n{record['salt']}\n"
        if record["window"] != tossed["window"] or hashlib.sha256(text.encode()).hexdigest() != record["coin"]:
            return "the coin that is revealed is not the one that was committed to"
        for share, frames, first, last, drawn, before in tossed["told"]:
            if not all(coin_fell(seed, one, share) or (before is not None and coin_fell(before, one, share)) for one in drawn):
                return "a frame was shadowed that the coin had not chosen"
            if before is None and share > 0:
                chosen = sum(coin_fell(seed, one, share) for one in range(first, last + 1))
                if chosen - len(drawn) > last - first + 1 - frames:
                    return "the coin chose frames that were served unshadowed"
            self.draws += len(drawn)
            self.frames += frames
        self.revealed += 1
        self.seed = seed
        if tossed is self.now:
            self.now = None
        return None

    def statements(self, record):
        book = self.books.get(record["window"])
        if book is None or not book["whole"]:
            return None
        for said in record["statements"]:
            delivered, efficient, shadowed, differed = book["bands"].get(said["band"], [0, 0, 0, 0])
            counted = [delivered, efficient, shadowed, differed, max(book["limit"] * delivered, book["loan"])]
            names = ("delivered", "efficient", "shadowed", "differed", "allowed_ppm_frames")
            if not said["broken"] and [said[name] for name in names] != counted:
                return "a statement does not say what the records count"
            if book["shares"] and not said["broken"]:
                bound = book["bounds"].get(said["band"])
                if bound and said["bound_ppm_frames"] + 1 < bound.most * 1e6 * (1 - 1e-9):
                    return "a statement claims less than what its counts allow for certain"
                self.bounds += 1
        return None


class Verifier:
    """Judges one log. ``result`` is filled as far as the log holds."""

    def __init__(self, folder, key, witnesses, cosigners=()):
        self.log, self.given, self.witnesses, self.cosigners = Log(folder), key, witnesses, cosigners
        self.cosigned = {}
        self.slots, self.whole = self.log.slots
        self.size = self.signed = self.first = self.torn = self.unused = 0
        self.last, self.epoch = GENESIS, 0
        self.version = 1
        self.heirs = []
        self.leaves = None
        self.stopped = False
        self.boot = self.boot_id = self.silence = None
        self.mono = 0
        self.gap = None
        self.account, self.odd = Account(), None
        self.prunes, self.decisions, self.witnessed, self.failing = [], 0, None, None

    # ------------------------------------------------ order of work

    def run(self):
        if not self.log.files:
            raise Bad("damaged", 0, "there is no log in this folder")
        self.root_key()
        before = 0
        data = self.log.segment(self.log.files[0][1])
        for at, (number, _) in enumerate(self.log.files):
            later = self.log.files[at + 1 : at + 2]
            after = self.log.segment(later[0][1]) if later else None
            before = self.segment(at, number, data, after, before)
            data = after
        self.end()

    def root_key(self):
        stored = self.log.bytes("log.pub")
        text = None if stored is None else stored[:4096].decode("utf-8", "replace")
        if self.given is not None:
            if text is not None and text != self.given[2] + "\n":
                raise Bad("forged", 0, "log.pub is not the key that was given")
            key = self.given
        else:
            key = read_key(text or "")
            if key is None or text != key[2] + "\n":
                raise Bad("damaged", 0, "no readable public key beside the log")
        self.origin, self.public = key[0], key[1]

    def segment(self, at, number, data, after, before):
        files = self.log.files
        if at and number != files[at - 1][0] + 1:
            raise Bad("damaged", self.size, "a segment is missing")
        last_file = at + 1 == len(files)
        head = header_of(data)
        if head is None:
            if last_file and at and self.slots and self.slots[0][1] <= self.size:
                self.torn += len(data.rstrip(b"\0")) or 1
                return 0
            raise Bad("damaged", self.size, "no segment header")
        if head["segment"] != number:
            raise Bad("damaged", self.size, "segment under another name")
        self.check_header(at, head, before)
        following = None if last_file else header_of(after)
        stop = len(data)
        if following and following["stale"] and following["before"] <= stop:
            stop = following["before"]
        start = data.index(b"\n") + 1
        self.lines(data[start:stop], following, last_file)
        return stop

    def check_header(self, at, head, before):
        sound = head["origin"] == self.origin
        if at == 0:
            self.begin(head)
        place = head["first"] if at == 0 else self.size
        sound = sound and (head["epoch"], head["public"]) == (self.epoch, self.public)
        sound = sound and good(self.public, head["signature"], head["message"])
        if at == 0:
            if not sound:
                raise Bad("forged", place, "the first header is not signed by this log's key")
        else:
            peaks = [self.leaves.node(where, width).hex() for where, width in perfect(self.size)]
            same = head["first"] == self.size and head["prev"] == self.last and head["peaks"] == peaks
            continues = same and head["before"] == before
            if not sound:
                raise Bad("forged" if continues else "damaged", self.size, "a header's signature does not hold")
            if head["first"] > self.size:
                raise Bad("damaged", self.size, "records are missing")
            if not continues:
                behind = min(head["first"], self.size)
                back = head["first"] == self.size and (head["before"] == before or head["prev"] != self.last)
                back = back and head["first_prev"] != self.last  # the record after it says that this header is the odd one
                raise Bad("damaged", max(0, behind - back), "a header continues other records")
        self.signed = max(self.signed, head["first"])

    def begin(self, head):
        self.first = self.size = head["first"]
        if self.first == 0 and (head["before"] or head["stale"] or head["segment"] or head["prev"] != GENESIS):
            raise Bad("damaged", 0, "the first header continues something")
        self.last = head["prev"]
        self.leaves = Leaves(self.size, [bytes.fromhex(one) for one in head["peaks"]])
        if not self.first:
            return
        kept = self.log.bytes("handovers") or b""
        reached = None
        for line in kept.split(b"\n")[:-1]:
            if reached is None and self.epoch == head["epoch"]:
                reached = (self.public, self.epoch, list(self.heirs), self.signed)
            try:
                text = canonical(line)
            except NotCanonical:
                raise Bad("damaged", self.first, "the kept hand-overs are not readable") from None
            self.hand_over(text, self.first, None)
        if reached is not None:  # a removal that was cut short keeps more hand-overs than are needed yet
            self.public, self.epoch, self.heirs, self.signed = reached
        if (self.epoch, self.public) != (head["epoch"], head["public"]) or (kept and not kept.endswith(b"\n")):
            raise Bad("damaged", self.first, "the kept hand-overs do not lead to this key")

    # ------------------------------------------------ lines

    def lines(self, data, following, last_file):
        if last_file:
            trimmed = data.rstrip(b"\0")
            self.unused, data = len(data) - len(trimmed), trimmed
        lines = data.split(b"\n")
        tail = lines.pop()
        waiting = None
        acknowledged = self.slots[0][1] if self.slots else None
        for at, line in enumerate(lines):
            why, blame = self.fits(line)
            if why:
                seq = self.size
                if blame and at and self.named_after(lines, at, following) == hashlib.sha256(line).hexdigest():
                    seq -= 1
                if not last_file or acknowledged is None or seq < acknowledged:
                    raise Bad("damaged", seq, why)
                self.torn += len(b"\n".join(lines[at:])) + len(tail)
                tail = b""
                break
            if waiting is not None:
                self.judge(waiting)
            waiting = self.record
            self.leaves.add(line)
            self.last = hashlib.sha256(line).hexdigest()
            self.size += 1
        if tail:
            if not last_file or acknowledged is None or self.size < acknowledged:
                raise Bad("damaged", self.size, "a record is cut off")
            self.torn += len(tail)
        if waiting is not None:
            if (
                following
                and following["first"] == self.size
                and self.last not in (following["prev"], following["first_prev"])
                and self.sound(following, waiting)
            ):
                raise Bad("damaged", self.size - 1, "the last record of a segment was changed")
            if acknowledged == self.size and self.slots[0][3] != self.last:
                raise Bad("damaged", self.size - 1, "the last record was changed")
            self.judge(waiting)

    def sound(self, head, record):
        """Whether a header is signed by the key in force, or by the one that ``record`` hands over to."""
        parts = note_parts(record.get("note")) if record["kind"] == "epoch" else None
        heir = unbase64(parts[0].split("\n")[-2]) if parts else None
        return head["public"] in (self.public, heir) and good(head["public"], head["signature"], head["message"])

    def fits(self, line):
        """Why the line does not follow (None if it does) and whether the line before may be to blame."""
        try:
            record = canonical(line)
        except NotCanonical as error:
            return str(error), False
        if not isinstance(record, dict) or type(record.get("seq")) is not int or record["seq"] != self.size:
            return "not the next record", False
        if any(type(record.get(name)) is not int for name in ("boot", "mono_us", "utc_ms", "v")) or record["v"] not in (1, 2):
            return "chain fields", False
        if record["v"] < self.version:
            return "the version of the records falls", False
        if type(record.get("kind")) is not str:
            return "kind", False
        if record.get("prev") != self.last:
            return "the hash of the line before does not fit", True
        self.record, self.version = record, record["v"]
        return None, False

    def named_after(self, lines, at, following):
        if at + 1 < len(lines):
            return prev_of(lines[at + 1])
        if following:
            return following["prev"]
        return self.slots[0][3] if self.slots else None

    # ------------------------------------------------ meaning

    def judge(self, record):
        kind, seq = record["kind"], record["seq"]
        if kind == "checkpoint":
            self.checkpoint(record, seq)
        elif kind == "epoch":
            self.hand_over(record.get("note"), self.signed, seq)
            if record.get("epoch") != self.epoch:
                raise Bad("forged", seq, "record and hand-over name different epochs")
        elif kind == "prune":
            self.prunes.append(record)
        elif kind == "decision":
            self.decisions += 1
        self.time(record, kind, seq)
        if record["v"] > 1 and self.odd is None:
            self.toss(record, kind, seq)
        self.stopped = kind == "stop" or (self.stopped and kind == "checkpoint")

    def toss(self, record, kind, seq):
        if kind == "config":
            found = re.search(r"^reference:[ ]*([A-Za-z0-9_.-]+)", record["policy"]["text"], re.MULTILINE)
            self.account.reference = found[1] if found else ""
        try:
            why = self.account.feed(record, self.first == 0)
        except (KeyError, TypeError, ValueError, AttributeError):
            why = "what it says of the loss account cannot be read"
        if why:
            self.odd = (seq, why)

    def checkpoint(self, record, seq):
        parts = note_parts(record.get("note"))
        expected = f"{self.origin}\n{seq}\n{base64.b64encode(self.leaves.root(seq)).decode()}\n"
        if parts is None or parts[0] != expected:
            raise Bad("forged", self.signed, "a checkpoint does not describe the records before it")
        if signed_by(record["note"], self.origin, self.public) is None:
            raise Bad("forged", self.signed, "the signature of a checkpoint does not hold")
        self.signed = seq

    def hand_over(self, text, fault, seq):
        parts = note_parts(text)
        lines = parts[0].split("\n") if parts else []
        if len(lines) != 7 or lines[0] != "adaptd epoch" or lines[6] or not re.fullmatch("0|[1-9][0-9]{0,15}", lines[3]):
            raise Bad("forged", fault, "not a hand-over")
        public, root = unbase64(lines[5]), unbase64(lines[4])
        wanted = seq is None or (int(lines[3]) == seq and root == self.leaves.root(seq))
        if public is None or root is None or len(public) != 32 or len(root) != 32:
            raise Bad("forged", fault, "not a hand-over")
        if lines[1] != self.origin or lines[2] != str(self.epoch + 1) or not wanted:
            raise Bad("forged", fault, "a hand-over is out of place")
        if signed_by(text, self.origin, self.public) is None:
            raise Bad("forged", self.signed, "the signature of a hand-over does not hold")
        self.heirs.append((int(lines[3]), self.public))
        self.public, self.epoch = public, self.epoch + 1
        self.signed = max(self.signed, int(lines[3]))

    def time(self, record, kind, seq):
        mono = record["mono_us"]
        if kind == "start":
            due = 0 if self.boot is None and seq == 0 else record["boot"] if self.boot is None else self.boot + 1
            if record["boot"] != due or (seq > 0) != isinstance(record.get("before"), dict):
                raise Bad("forged", seq, "a run starts out of turn")
            self.boot = record["boot"]
            self.silence = record["silence_us"] if type(record.get("silence_us")) is int else None
        elif self.boot is None:
            self.boot = record["boot"]
        elif record["boot"] != self.boot:
            raise Bad("forged", seq, "a record of a run that was never started")
        elif mono < self.mono or (self.silence is not None and mono - self.mono > self.silence):
            self.gap = self.gap or (seq, "time is unaccounted for")
        if kind == "config" and self.silence is None and type(record.get("silence_us")) is int:
            self.silence = record["silence_us"]  # the start record was pruned
        if kind == "degraded" and record.get("state") != "begun" and record.get("unrecorded"):
            self.gap = self.gap or (seq, "records could not be kept")
        self.mono = mono

    # ------------------------------------------------ the end

    def end(self):
        if self.first:
            self.check_prunes()
        if not self.slots:
            raise Bad("damaged", min(self.size, self.signed), "the head file is missing or unreadable")
        if self.slots[0][1] > self.size:
            raise Bad("damaged", self.size, "acknowledged records are missing")
        for _, size, root, last, origin, text in self.slots:
            if size < self.first:
                raise Bad("forged", self.signed, "the head names a pruned record")
            if self.last_line(size) != last:
                raise Bad("damaged", max(0, size - 1), "the last acknowledged line was changed")
            if origin != self.origin or root != self.leaves.root(size):
                raise Bad("forged", self.signed, "the head does not describe the records")
            if not any(signed_by(text, self.origin, key) for key in self.keys_at(size)):
                raise Bad("forged", self.signed, "the signature of the head does not hold")
        self.signed = max(self.signed, self.slots[0][1])
        for text in self.witnesses:
            self.check_witness(text)
        silent = [name for name, _ in self.cosigners if name not in self.cosigned]
        if silent:
            raise Bad("forged", self.first, f"the witness {silent[0]} has not cosigned any checkpoint that was given")
        if self.gap:
            raise Bad("gap", *self.gap)
        if self.odd:
            raise Bad("replay_mismatch", *self.odd)
        torn = self.torn + (self.unused if self.stopped else 0)
        now = self.log.head_slots(self.log.bytes("head"))[0]
        went_on = now and now[0] != self.slots[0]  # a writer is at work: what came after this began is not judged
        if (torn or self.signed < self.size or not self.whole) and not went_on:
            raise Bad("torn_tail", min(self.size, self.signed), "something stands after the last acknowledgement")

    def keys_at(self, size):
        """Keys that may sign a head over ``size`` records: ``heirs`` lists where each old key ended."""
        later = [old for seq, old in self.heirs if seq >= size]
        keys = [later[0] if later else self.public]
        return keys + [old for seq, old in self.heirs if seq == size - 1]

    def last_line(self, size):
        """The hash of record ``size - 1``'s line, read again from the files."""
        if size == self.size:
            return self.last
        for _, name in reversed(self.log.files):
            data = self.log.bytes(name) or b""
            head = header_of(data)
            if head is None or head["first"] > size:
                continue
            if head["first"] == size:
                return head["prev"]
            lines = data.split(b"\n")
            return hashlib.sha256(lines[size - head["first"]]).hexdigest() if size - head["first"] < len(lines) else None
        return None

    @property
    def sealed(self):
        """How many records were signed by keys that were handed over, and erased, since."""
        return self.heirs[-1][0] if self.heirs else 0

    def rewritable(self):
        """The first record that whoever holds the folder with its private key could write anew unnoticed."""
        return max(self.first, 0 if self.given is None else self.sealed, self.witnessed or 0)

    def check_prunes(self):
        root = base64.b64encode(self.leaves.root(self.first)).decode()
        for record in self.prunes:
            inner = record.get("segments")
            if record.get("to") == self.first and record.get("root") == root:
                return
            if isinstance(inner, list) and any(isinstance(one, dict) and one.get("first") == self.first for one in inner):
                return
        raise Bad("damaged", 0, "the first records are missing and no prune record accounts for them")

    def check_witness(self, text):
        parts = note_parts(text)
        lines = parts[0].split("\n") if parts else []
        root = unbase64(lines[2]) if len(lines) == 4 else None
        if root is None or not re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]):
            raise Bad("forged", 0, "a witnessed checkpoint is unreadable")
        if lines[0] != self.origin:
            raise Bad("forged", 0, "a witnessed checkpoint belongs to another log")
        size = int(lines[1])
        if size > self.size:
            raise Bad("damaged", self.size, "the log was rolled back behind a witnessed checkpoint")
        if size < self.first:
            return  # it lies in what was pruned
        if self.leaves.root(size) != root:
            raise Bad("forged", self.first, "the records are not the ones that were witnessed")
        if not any(signed_by(text, self.origin, key) for key in self.keys_at(size)):
            raise Bad("forged", self.first, "a witnessed checkpoint is not signed by the log's own key of that time")
        found = {name: when for name, public in self.cosigners if (when := cosigned_at(text, name, public)) is not None}
        if self.cosigners and not found:
            raise Bad("forged", self.first, f"no witness whose key was given has cosigned the checkpoint over {size} records")
        self.cosigned.update(found)
        self.witnessed = max(size, self.witnessed or 0)


def utc(ms):
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ms / 1000))
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def headline(one, own_key):
    """What was checked, in the words of `adaptd audit verify`."""
    if one.size == one.first:
        return []
    beside = "checked only against the key in this folder, which an attacker could replace: give your own copy with --key"
    complete = "from record 0: nothing was removed"
    if one.first:
        said = [removal_words(record) for record in one.prunes]
        complete = f"from record {one.first}: {'; '.join(filter(None, said)) or 'what came before was removed on record'}"
    witnessed = "by nobody outside this device"
    if one.witnessed is not None:
        by = [f"{name} at {utc(when * 1000)}" for name, when in sorted(one.cosigned.items())]
        witnessed = f"up to record {one.witnessed - 1} by {', '.join(by) or 'a copy of a checkpoint kept elsewhere'}"
    behind = f"; {one.size - one.signed} records after the last signature are not signed" if one.signed < one.size else ""
    only = ", which holds only under your own copy of the public key" if one.given is None else ""
    erased = f"up to record {one.sealed - 1} by keys that were erased since{only}"
    sealed = erased if one.sealed else "no signing key was erased yet"
    free = one.rewritable()
    rest = f"from record {free} on by whoever holds this folder with its private key" if free < one.size else "no record"
    account, coin = one.account, []
    if account.revealed or account.open:
        waiting = f"; {len(account.open)} not revealed yet" if account.open else ""
        draws = f"{account.draws} draw{s(account.draws)} among {account.frames} frame{s(account.frames)} follow{waiting}"
        coin = [("account", f"{account.revealed} coin{s(account.revealed)} revealed as committed, {draws}")]
    if account.bounds:
        held = f"{account.bounds} statement{s(account.bounds)} held against the formula"
        coin.append(("bounds", f"{held}: none claims less than it gives, computed here anew"))
    if one.odd:
        coin = [("account", "a coin does not fit its commitment, or a draw its coin")]
    files = f"{len(one.log.files)} segment{s(len(one.log.files))}"
    return [
        (
            "records",
            f"{one.first} to {one.size - 1} in {files}, re-encoded and compared byte by byte",
        ),
        ("decisions", f"{one.decisions} decisions were not run again"),
        *coin,
        ("key", beside if own_key else "checked under the public key that was given"),
        ("complete", complete),
        ("witnessed", witnessed),
        ("sealed", sealed + behind),
        ("rewritable", rest),
    ]


def s(count):
    """The plural's ending."""
    return "" if count == 1 else "s"


def removal_words(record):
    keep, first, rest, ms = (record.get(name) for name in ("keep_days", "from", "to", "utc_ms"))
    if any(type(value) is not int for value in (keep, first, rest, ms)):
        return ""
    decisions = record.get("decisions")
    held = f" with {decisions} decisions" if type(decisions) is int else ""
    short = f", fewer than the {USUAL_DAYS} that are usual" if keep < USUAL_DAYS else ""
    return f"{max(0, rest - first)} records{held} removed on {utc(ms)[:10]}, older than {keep} days{short}"


def perfect(size):
    """The perfect subtrees that cover ``size`` leaves, as (start, width)."""
    at, found = 0, []
    while size - at:
        width = 1 << ((size - at).bit_length() - 1)
        found.append((at, width))
        at += width
    return found


def verify(folder, key=None, witnesses=(), witness_keys=()):
    """The finding on a log folder as a dict; ``key`` and ``witness_keys`` are key lines, ``witnesses`` checkpoint notes."""
    trusted = None if key is None else read_key(key)
    if key is not None and trusted is None:
        return {"verdict": "forged", "first_bad_seq": 0, "reason": "the key given is not a key"}
    cosigners = [read_witness_key(text) for text in witness_keys]
    if None in cosigners:
        return {"verdict": "forged", "first_bad_seq": 0, "reason": "a witness key given is not a key"}
    for again in (True, False):
        one = Verifier(folder, trusted, witnesses, cosigners)
        verdict, seq, why = "valid", None, ""
        try:
            one.run()
        except Bad as bad:
            verdict, seq, why = bad.verdict, bad.seq, bad.why
        except Vanished:
            if again:
                continue
            verdict, seq, why = "damaged", one.size, "a segment vanished"
        break
    return {
        "verdict": verdict, "first_bad_seq": seq, "reason": why, "records": one.size - one.first, "first_seq": one.first,
        "decisions": one.decisions, "decisions_run_again": None, "signed": one.signed, "witnessed": one.witnessed,
        "witnesses": sorted(one.cosigned.items()),
        "epochs": one.epoch + 1, "torn_bytes": one.torn, "own_key": key is None, "sealed": one.sealed,
        "rewritable_from": one.rewritable(), "headline": headline(one, key is None),
    }  # fmt: skip


def given(text):
    """A key given as a file or as text."""
    if not os.path.isfile(text):
        return text
    with open(text, encoding="utf-8") as file:
        return file.read()


def main(argv=None):
    parser = argparse.ArgumentParser(description="Verify an adaptd audit log without adaptd. Decisions are not run again.")
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--key", metavar="F", help="the root public key, as a file or as text")
    parser.add_argument("--witness", action="append", default=[], metavar="NOTE", help="a checkpoint note kept elsewhere")
    parser.add_argument(
        "--witness-key", action="append", default=[], metavar="F", help="a key that must have cosigned one of them"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if not os.path.isdir(args.folder):
        print(f"{args.folder}: no such folder; name the folder of the log", file=sys.stderr)
        return 2
    try:
        key = None if args.key is None else given(args.key)
        witness_keys = [given(text) for text in args.witness_key]
        notes = []
        for path in args.witness:
            with open(path, encoding="utf-8") as file:
                notes.append(file.read())
    except (OSError, UnicodeDecodeError) as error:
        print(f"{error}; give readable text files with --key and --witness", file=sys.stderr)
        return 2
    found = verify(args.folder, key, notes, witness_keys)
    if args.json:
        print(json.dumps(found, indent=2, sort_keys=True))
    else:
        bad = "" if found["first_bad_seq"] is None else f", first bad record {found['first_bad_seq']}: {found['reason']}"
        print(f"{found['verdict']}{bad}")
        for topic, text in found.get("headline", []):
            print(f"  {topic:<17} {text}")
    return 0 if found["verdict"] == "valid" else 1


if __name__ == "__main__":
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    sys.exit(code)
