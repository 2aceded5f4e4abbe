import errno
import os
import pickle
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.open_segment import StreamEncoder, checksum, message_batch, whole_part
from ingest.spool import Message, Spool, SpoolBusy, read_segment, recover, sealed_segments, spool_folders
from tests.ingest.running import PROJECT, eventually, spooled

MESSAGES = st.lists(
    st.builds(
        Message,
        topic=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        payload=st.binary(max_size=50),
        received_us=st.integers(0, 2**62),
        qos=st.integers(0, 2),
        retain=st.booleans(),
        content_type=st.none() | st.sampled_from(["", "application/json"]),
    ),
    min_size=1,
    max_size=20,
)


def message(number: int, payload: bytes = b"{}") -> Message:
    return Message(f"tm/v1/acme/van-{number}/pos", payload, 1_772_208_123_000_000 + number, 1, False, None)


def numbers(folder: Path) -> list[int]:
    return [segment.number for segment in sealed_segments(folder)]


def open_files(folder: Path) -> list[Path]:
    return list(folder.glob("*.open"))


def dead_spool(folder: Path, *batches: list[Message]) -> Path:
    """A spool as `kill -9` leaves it: batches in an open segment, and nobody there."""
    script = (
        "import os, sys, pickle; from pathlib import Path; from ingest.spool import Spool\n"
        "spool = Spool.open(Path(sys.argv[1]))\n"
        "for batch in pickle.load(sys.stdin.buffer): spool.append(batch)\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(folder)], input=pickle.dumps(batches), cwd=PROJECT, check=False
    )
    assert ended.returncode == -9
    return open_files(folder)[0]


@given(st.lists(MESSAGES, max_size=4))
@settings(max_examples=25, deadline=None)
def test_what_goes_in_comes_out_in_order_and_unchanged(tmp_path_factory, batches):
    folder = tmp_path_factory.mktemp("spools") / "main"
    with Spool.open(folder) as spool:
        for batch in batches:
            spool.append(batch)
    assert spooled(folder) == [kept for batch in batches for kept in batch]


def test_a_sealed_segment_says_where_it_comes_from(tmp_path):
    with Spool.open(tmp_path / "main") as spool:
        spool.append([message(1)])
    (segment,) = sealed_segments(tmp_path / "main")
    metadata = read_segment(segment.path).schema.metadata
    assert metadata == {b"spool_id": spool.spool_id.encode(), b"number": b"1"}
    assert segment == (spool.spool_id, 1, tmp_path / "main" / "000000000001.parquet")
    assert spool.spool_id.startswith("main-")
    assert len(spool.spool_id) == len("main-") + 8


def test_a_spool_keeps_its_name(tmp_path):
    names = set()
    for _ in range(3):
        with Spool.open(tmp_path / "main") as spool:
            names.add(spool.spool_id)
    assert len(names) == 1
    assert spool_folders(tmp_path) == [tmp_path / "main"]


def test_numbers_never_return_even_after_old_segments_are_gone(tmp_path):
    folder = tmp_path / "main"
    for expected in (1, 2, 3):
        with Spool.open(folder) as spool:
            spool.append([message(expected)])
        (segment,) = sealed_segments(folder)
        assert segment.number == expected
        segment.path.unlink()


def test_nobody_else_can_read_the_spool(tmp_path):
    folder = tmp_path / "main"
    with Spool.open(folder) as spool:
        spool.append([message(1)])
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_full_segment_is_sealed_at_once_and_the_next_one_goes_on(tmp_path):
    folder = tmp_path / "main"
    with Spool.open(folder, seal_mib=0.01, seal_s=3600) as spool:
        for number in range(3):
            spool.append([message(number, bytes(20_000))])
        assert eventually(lambda: numbers(folder) == [1, 2, 3])


def test_an_old_segment_is_sealed_although_nothing_more_arrives(tmp_path):
    with Spool.open(tmp_path / "main", seal_s=0.05) as spool:
        spool.append([message(1)])
        assert eventually(lambda: spool.seal_if_due() or numbers(tmp_path / "main") == [1], 3)


def test_sealing_does_not_hold_up_the_next_group_commit(tmp_path, monkeypatch):
    may_seal = threading.Event()
    monkeypatch.setattr("ingest.segments.pq.write_table", _slow(may_seal, "ingest.segments.pq.write_table"))
    with Spool.open(tmp_path / "main", seal_mib=0.0001) as spool:
        for number in range(5):
            spool.append([message(number, bytes(200))])
        assert numbers(tmp_path / "main") == []
        may_seal.set()
    assert numbers(tmp_path / "main") == [1, 2, 3, 4, 5]


def _slow(may_go_on: threading.Event, name: str):
    original = pq.write_table

    def wait_and_write(*args, **options):
        assert may_go_on.wait(10), name
        original(*args, **options)

    return wait_and_write


def test_an_append_is_flushed_before_it_returns(tmp_path):
    flushed_bytes = []

    def sync(descriptor: int) -> None:
        flushed_bytes.append(os.fstat(descriptor).st_size)

    with Spool.open(tmp_path / "main", sync=sync) as spool:
        spool.append([message(1)])
        assert flushed_bytes == [open_files(tmp_path / "main")[0].stat().st_size]


@pytest.mark.parametrize("whole_before", [0, 1])
def test_a_full_disk_keeps_nothing_of_the_batch_and_a_retry_is_clean(tmp_path, whole_before):
    folder = tmp_path / "main"
    is_full = False

    def sync(descriptor: int) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")

    with Spool.open(folder, sync=sync) as spool:
        for number in range(whole_before):
            spool.append([message(number)])
        is_full = True
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                spool.append([message(7)])
            assert len(whole_part(open_files(folder)[0].read_bytes()).batches) == whole_before
        is_full = False
        spool.append([message(7)])
    assert spooled(folder) == [message(number) for number in range(whole_before)] + [message(7)]


def test_a_file_that_cannot_be_cut_back_is_sealed_without_the_torn_batch(tmp_path, monkeypatch):
    folder = tmp_path / "main"
    is_full = False

    def sync(descriptor: int) -> None:
        if is_full:
            raise OSError(errno.EIO, "Input/output error")

    with Spool.open(folder, sync=sync) as spool:
        spool.append([message(1)])
        is_full = True
        with monkeypatch.context() as patch:
            patch.setattr(os, "ftruncate", _no_truncate)
            with pytest.raises(OSError, match="Input/output"):
                spool.append([message(2)])
        is_full = False
        spool.append([message(3)])
    assert spooled(folder) == [message(1), message(3)]
    assert numbers(folder) == [1, 2]


def _no_truncate(descriptor: int, length: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_segment_that_cannot_be_sealed_yet_holds_back_the_later_ones(tmp_path, monkeypatch):
    folder = tmp_path / "main"
    is_full = threading.Event()
    is_full.set()
    monkeypatch.setattr("ingest.spool.RETRY_SEAL_S", 0.05)
    monkeypatch.setattr("ingest.segments.pq.write_table", _full_while(is_full))
    with Spool.open(folder, seal_mib=0.0001) as spool:
        spool.append([message(1, bytes(200))])
        spool.append([message(2, bytes(200))])
        assert not eventually(lambda: numbers(folder) != [], 0.3)
        is_full.clear()
        assert eventually(lambda: numbers(folder) == [1, 2])
    assert not list(folder.glob("*.part"))


def _full_while(is_full: threading.Event):
    original = pq.write_table

    def write(*args, **options):
        if is_full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        original(*args, **options)

    return write


def test_a_larger_number_is_not_shown_while_a_smaller_one_may_come(tmp_path):
    folder = tmp_path / "main"
    for number in (1, 2, 3):
        with Spool.open(folder) as spool:
            spool.append([message(number)])
    (folder / "000000000002.parquet").rename(folder / "000000000002.open")
    assert numbers(folder) == [1]


def test_a_segment_torn_at_any_byte_of_its_last_batch_gives_exactly_the_whole_batches(tmp_path):
    encoder = StreamEncoder()
    batches = [[message(1), message(2)], [message(3)], [message(4), message(5)]]
    parts = [encoder.header] + [b"".join(encoder.pieces(message_batch(batch))) for batch in batches]
    content = b"".join(parts)
    whole_end = len(content) - len(parts[-1])
    path = tmp_path / "000000000001.open"
    for cut in range(whole_end, len(content)):
        path.write_bytes(content[:cut])
        whole = whole_part(path.read_bytes())
        assert [batch.num_rows for batch in whole.batches] == [2, 1], cut
        assert whole.end_byte == whole_end
    path.write_bytes(content)
    assert len(whole_part(path.read_bytes()).batches) == 3


def test_a_byte_changed_anywhere_gives_whole_batches_or_none(tmp_path):
    encoder = StreamEncoder()
    batches = [[message(1, b"first"), message(2)], [message(3, b"second")]]
    content = encoder.header + b"".join(piece for batch in batches for piece in encoder.pieces(message_batch(batch)))
    path = tmp_path / "000000000001.open"
    expected = [message_batch(batch).to_pylist() for batch in batches]
    for position in range(len(encoder.header), len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x41]) + content[position + 1 :])
        found = [batch.to_pylist() for batch in whole_part(path.read_bytes()).batches]
        assert found == [batch for batch in expected if batch in found], position


def test_a_batch_damaged_on_disk_costs_only_itself_and_is_put_aside_with_an_error(tmp_path, caplog):
    folder = tmp_path / "main"
    with Spool.open(folder) as spool:
        for number in range(1, 6):
            spool.append([message(number, b"payload-%d" % number)])
        (path,) = open_files(folder)
        content = path.read_bytes()
        place = content.index(b"payload-3")
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"P")
    assert [found.payload for found in spooled(folder)] == [b"payload-%d" % number for number in (1, 2, 4, 5)]
    (damaged,) = folder.glob("*.damaged")
    assert b"Payload-3" in damaged.read_bytes()
    assert not list(folder.glob("*.torn"))
    assert "is damaged" in caplog.text


def test_a_tail_of_zeros_as_a_power_loss_leaves_it_is_cut(tmp_path):
    encoder = StreamEncoder()
    content = b"".join([encoder.header, *encoder.pieces(message_batch([message(1)]))])
    path = tmp_path / "000000000001.open"
    path.write_bytes(content + bytes(4096))
    assert len(whole_part(path.read_bytes()).batches) == 1


@given(MESSAGES)
@settings(max_examples=30, deadline=None)
def test_the_checksum_survives_the_way_through_a_file(tmp_path_factory, batch):
    encoder = StreamEncoder()
    path = tmp_path_factory.mktemp("stream") / "000000000001.open"
    path.write_bytes(b"".join([encoder.header, *encoder.pieces(message_batch(batch))]))
    (read,) = whole_part(path.read_bytes()).batches
    assert checksum(read) == checksum(message_batch(batch))


def test_what_a_killed_collector_left_is_sealed_at_the_next_start(tmp_path):
    folder = tmp_path / "main"
    torn = dead_spool(folder, [message(1)], [message(2), message(3)])
    torn.write_bytes(torn.read_bytes()[:-5])
    with Spool.open(folder) as spool:
        assert spooled(folder) == [message(1)]
        spool.append([message(4)])
    assert spooled(folder) == [message(1), message(4)]
    assert not open_files(folder)


def test_a_refresh_recovers_a_spool_that_nobody_holds(tmp_path):
    folder = tmp_path / "main"
    dead_spool(folder, [message(1)], [message(2)])
    assert numbers(folder) == []
    assert [segment.number for segment in recover(folder)] == [1]
    assert spooled(folder) == [message(1), message(2)]
    assert recover(folder) == []


def test_a_refresh_leaves_a_spool_alone_that_a_collector_holds(tmp_path):
    folder = tmp_path / "main"
    with Spool.open(folder) as spool:
        spool.append([message(1)])
        assert recover(folder) == []
        assert len(open_files(folder)) == 1


def test_a_crash_after_sealing_does_not_show_a_segment_twice(tmp_path):
    folder = tmp_path / "main"
    left = dead_spool(folder, [message(1)])
    content = left.read_bytes()
    recover(folder)
    left.write_bytes(content)
    assert spooled(folder) == [message(1)]
    assert recover(folder) == []
    assert spooled(folder) == [message(1)]
    assert not open_files(folder)


def test_an_open_segment_without_a_whole_batch_disappears_and_its_number_too(tmp_path):
    folder = tmp_path / "main"
    left = dead_spool(folder, [message(1)])
    left.write_bytes(left.read_bytes()[:-1])
    assert recover(folder) == []
    with Spool.open(folder) as spool:
        spool.append([message(2)])
    assert numbers(folder) == [2]


def test_a_second_collector_is_told_that_the_spool_is_busy(tmp_path):
    with Spool.open(tmp_path / "main"):
        with pytest.raises(SpoolBusy) as busy:
            Spool.open(tmp_path / "main")
        assert busy.value.folder == tmp_path / "main"
    Spool.open(tmp_path / "main").close()
