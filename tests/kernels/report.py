"""Reads what iotopx wrote in JSON in the guest."""

import json

# Fields of a row, and of /proc/PID/io.
FROM_IO = {"read_bytes": "read_bytes", "write_bytes": "write_bytes", "cancelled_write_bytes": "cancelled_write_bytes",
           "read_char_bytes": "rchar", "write_char_bytes": "wchar", "read_syscalls": "syscr", "write_syscalls": "syscw"}
DISK = ("read_bytes", "write_bytes", "cancelled_write_bytes")


def intervals(text):
    """One each; the last line may not be complete."""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def rows(text, **wanted):
    """Of all intervals, those whose fields are so."""
    return [row for interval in intervals(text) for row in interval["tasks"]
            if all(row[key] == value for key, value in wanted.items())]


def total(found, field):
    return sum(row[field] or 0 for row in found)


def brief(found, field):
    """For a message: who moved how much, and what was said about it."""
    return [(row["tid"] or row["pid"], row["start_time"], row[field], row["exited"], row["state"]) for row in found if row[field]]


def io(text):
    """/proc/PID/io, by a row's names."""
    values = dict(line.split(": ") for line in text.splitlines())
    return {field: int(values[name]) for field, name in FROM_IO.items()}


def lost(text):
    """Exit records that were lost; fails where that can't be known."""
    return sum(interval["lost_exits"] for interval in intervals(text))
