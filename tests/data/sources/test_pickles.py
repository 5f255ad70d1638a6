"""Pickles are read but never run: data of every protocol comes through, an attack becomes a message."""

from __future__ import annotations

import os
import pickle
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gvae.data.sources import pickles
from gvae.errors import GvaeError

EVENTS: list[str] = []
WATCHED = ("pickle.", "import", "exec", "compile", "open", "os.", "subprocess.", "socket.", "ctypes.")


def _watch(event: str, _) -> None:
    """Note what a pickle that runs could not do without; audit hooks stay, so one serves all tests."""
    if EVENTS and event.startswith(WATCHED):
        EVENTS.append(event)


sys.addaudithook(_watch)


class Evil:
    """An object whose pickle runs a command when Python reads it."""

    def __init__(self, function: Callable, *args) -> None:
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_data_of_every_protocol(protocol: int):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    shared = ["a", "b"]
    value = {
        "array": array,
        "twice": [shared, shared],
        "bytes": b"\x00\xff",
        "numbers": [0, 255, 65_536, -7, 2**40, 1.5, True, None],
        "long": ["x" * 300] * 3 + [str(i) for i in range(1500)],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "one": {"k": ["v"]},
        "none": {},
    }
    got = pickles.loads(pickle.dumps(value, protocol), "file")
    found = pickles.byte_array(got.pop("array"))
    del value["array"]
    assert found is not None
    assert np.array_equal(found, array)
    if protocol == 2:  # Python 3 writes bytes as a call there
        value["bytes"] = pickles.Call(pickles.ENCODE, ("\x00\xff", "latin1"))
    assert got == value


@pytest.mark.parametrize(
    "value",
    [
        np.arange(4, dtype=np.int64),
        np.arange(4, dtype=np.float32),
        np.array([{}], dtype=object),
        np.asfortranarray(np.zeros((2, 3), np.uint8)),
        [1, 2],
        b"abc",
        {},
    ],
)
def test_other_arrays_are_no_byte_arrays(value):
    assert pickles.byte_array(pickles.loads(pickle.dumps(value, 4), "file")) is None


def test_arrays_that_lie_about_themselves():
    dtype = pickles.Call(pickles.DTYPE, ("u1", False, True))
    for shape in ((3, 10**12), (-1,), (True, 4), (5,), ("4",)):
        assert pickles.byte_array(pickles.Call(pickles.ARRAY, (), (1, shape, dtype, False, b"abcd"))) is None
        assert pickles.byte_array(pickles.Call(pickles.BUFFER, (b"abcd", dtype, shape, "C"))) is None
    for raw in ("\u20ac" * 4, 4, [1, 2, 3, 4], None):
        assert pickles.byte_array(pickles.Call(pickles.ARRAY, (), (1, (4,), dtype, False, raw))) is None
    good = pickles.byte_array(pickles.Call(pickles.ARRAY, (), (1, (4,), dtype, False, "ab\xfe\xff")))
    assert good is not None
    assert good.tolist() == [97, 98, 254, 255]


def attacks(marker: Path) -> dict[str, bytes]:
    """Pickles that write a file, or worse, when Python reads them."""
    command = f"touch {marker}"
    reduced = {
        f"os.system, protocol {protocol}": pickle.dumps({"data": Evil(os.system, command)}, protocol)
        for protocol in range(6)
    }
    word = b"X" + len(command).to_bytes(4, "little") + command.encode()
    return {
        **reduced,
        "eval": pickle.dumps(Evil(eval, f"open({str(marker)!r}, 'w')"), 2),
        "exec": pickle.dumps([Evil(exec, f"open({str(marker)!r}, 'w')")], 4),
        "open": pickle.dumps(Evil(open, str(marker), "w"), 4),
        "INST": b"(S'" + command.encode() + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\n" + word + b"o.",
        "NEWOBJ": b"\x80\x02cos\nsystem\n" + word + b"\x85\x81.",
        "name in pieces": b"\x80\x04X\x02\0\0\0osX\x06\0\0\0system\x93" + word + b"\x85R.",
        "dotted name": b"\x80\x04X\x05\0\0\0numpyX\x13\0\0\0ctypeslib.os.system\x93" + word + b"\x85R.",
        "numpy's own loader": b"\x80\x02cnumpy\nload\n" + word + b"\x85R.",
        "allowed prefix": b"\x80\x02cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        "renamed twice": b"\x80\x02cnumpy._core._core.multiarray\n_reconstruct\n.",
        "text in place of a name": b"\x80\x02X\x09\0\0\0os system" + word + b"\x85R.",
        "call of a call": b"\x80\x02cnumpy\ndtype\n" + word + b"\x85R" + word + b"\x85R.",
        "filling a name": b"\x80\x02cnumpy\ndtype\n}b.",
        "filling a list": b"\x80\x02]}b.",
        "extension registry": b"\x80\x02\x82\x01.",
        "persistent id": b"\x80\x02Pos.system\n.",
        "bytes of 8 EiB": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        "out of band": b"\x80\x05\x97.",
        "number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
        "nothing on the stack": b"\x80\x020R.",
        "missing memo": b"\x80\x02h\x07.",
        "missing mark": b"\x80\x02K\x01u.",
        "no end": b"\x80\x02}",
        "two values": b"\x80\x02K\x01K\x02.",
        "something behind": b"\x80\x02}.}",
        "open mark": b"\x80\x02(K\x01.",
        "list as key": b"\x80\x02}(]K\x01u.",
        "key without value": b"\x80\x02}(X\x01\0\0\0au.",
        "name of a huge module": b"c" + b"a" * 100_000 + b"\nb\n.",
        "name with control characters": b"cos\nsys\x1b[2Jtem\n.",
    }


@pytest.mark.parametrize("name", attacks(Path("marker")))
def test_attacks_run_nothing(name: str, tmp_path: Path):
    data = attacks(tmp_path / "marker")[name]
    EVENTS.append("watching")
    try:
        text = str(pickles.loads(data, "file"))
    except GvaeError as error:
        text = f"error: {error}"
    seen = EVENTS[1:]
    EVENTS.clear()
    assert seen == []
    assert not (tmp_path / "marker").exists()
    assert text.startswith("error: file ")
    assert "othing in it was executed" in text
    assert len(text) < 400
    assert text.isprintable()


def test_deep_nesting_is_only_data():
    value = pickles.loads(b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".", "file")
    assert isinstance(value, list)


def test_damage_of_any_kind_is_a_message_or_data():
    random = np.random.default_rng(0)
    for protocol in (2, 4, 5):
        whole = pickle.dumps({"data": np.arange(12, dtype=np.uint8), "labels": [*range(9)], "n": ("a", b"b")}, protocol)
        for _ in range(1000):
            data = bytearray(whole)
            for place in random.integers(0, len(data), random.integers(1, 4)):
                data[place] = random.integers(0, 256)
            data = bytes(data[: random.integers(1, len(data))] if random.random() < 0.2 else data)
            try:
                value = pickles.loads(data, "file")
            except GvaeError:
                continue
            array = pickles.byte_array(value.get("data")) if isinstance(value, dict) else None
            assert array is None or array.nbytes == 12


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x80\x02K\x01r\xff\xff\xff\xff.", "remembers a value at place 4294967295"),  # asks for 64 GiB
        (b"\x80\x02\x82\x01.", "opcode EXT1 is none of those"),
        (b"\x80\x05\x96" + (2**36).to_bytes(8, "little") + b"abc.", "expected 68719476736 bytes"),
        (b"\x80\x04\x95" + (2**36).to_bytes(8, "little") + b"N.", "frame|exhausted|truncated"),
        # its hash would end the process
        (b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s.", "more than 1000 tuples"),
    ],
)
def test_what_python_s_reader_does_without_asking_is_refused_before(data: bytes, reason: str):
    tracemalloc.start()
    try:
        with pytest.raises(GvaeError, match=reason):
            pickles.loads(data, "file")
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_names_are_not_filled_and_keep_nothing():
    for state in (b"}", b"N}\x86", b"N}X\x08\0\0\0__call__NN\x87s\x86"):
        with pytest.raises(GvaeError, match="no pickle of plain data"):
            pickles.loads(b"\x80\x02cnumpy\ndtype\n" + state + b"b.", "file")
    assert pickles.byte_array(pickles.loads(pickle.dumps(np.zeros(3, np.uint8), 2), "file")) is not None


def test_the_watch_sees_a_pickle_that_runs(tmp_path: Path):
    EVENTS.append("watching")
    pickle.loads(pickle.dumps(Evil(open, str(tmp_path / "marker"), "w"), 4)).close()
    seen = EVENTS[1:]
    EVENTS.clear()
    assert "pickle.find_class" in seen
    assert "open" in seen
