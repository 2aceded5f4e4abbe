"""Where in a stream of MQTT packets are the messages, and what does each say about itself?

An ordinary PUBLISH is whole, of QoS 0 or 1, with a packet id other than 0 at QoS 1, on a topic in ASCII that does not
begin with `$`; of the properties of MQTT 5 it has those a publisher sets, each at most once (of the user's any number),
text in ASCII without NUL, and at most one subscription identifier. A scan stops at everything else.

    table   int32 (9, n)  a column for each packet: where its topic begins and its size, the same of the payload, the
                          packet id (0 at QoS 0), the lowest three bits of the packet, where its content type begins
                          (-1 without one) and its size, the subscription identifier (0 without one); places are
                          counted from where the scan began

No core is parallel: a stream has to be read in its order, and a millisecond of one is too little to share.
Inner loops count without a sign: an index that might be negative keeps the compiler from taking 32 bytes at a time,
and copies 1.4 kB in 1,700 ns where this takes 40 (2026-11).
"""

import numpy as np

from kernels.compiled import light_part, part, serial_kernel

PUBLISH = 0x30
ENDED, FULL, UNUSUAL, BROKEN = range(4)  # why a scan stopped
FORMAT, EXPIRY, TYPE, REPLY, CORRELATION, SUBSCRIPTION, USER = 1, 2, 3, 8, 9, 11, 38


@serial_kernel
def scan(stream, start, end, is_v5, largest, table):
    """Write the ordinary packets of stream[start:end] into `table`; stop at one that is larger than `largest`.

    Returns how many there are, where the scan stopped, why, and the size of the packet there where it is unusual.
    """
    count = 0
    place = start
    while place < end:
        if count == table.shape[1]:
            return count, place, FULL, 0
        length, body = _number(stream, place + 1, end)
        if body < 0:
            return count, place, ENDED if end - place < 5 else BROKEN, 0
        header = stream[place]
        packet_end = body + length
        if header & 0xF0 != PUBLISH or header & 0x04 or packet_end - place > largest:
            return count, place, UNUSUAL, packet_end - place
        if packet_end > end:
            return count, place, ENDED, 0
        if not _is_ordinary(stream, start, header, body, packet_end, is_v5, table, count):
            return count, place, UNUSUAL, packet_end - place
        count += 1
        place = packet_end
    return count, place, ENDED, 0


@light_part
def _number(stream, place, end):
    """Read a number of one to four bytes; return it and where it ends, -1 where it does not."""
    number = 0
    shift = 0
    while place < end and shift < 28:
        byte = stream[place]
        number |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return number, place
        shift += 7
    return 0, -1


@light_part
def _pair(stream, place):
    """A number of two bytes."""
    return (stream[place] << 8) | stream[place + 1]


@light_part
def _is_ordinary(stream, start, header, body, end, is_v5, table, column):
    """Write one packet into its column; False where it is not ordinary, whatever was written by then."""
    if body + 2 > end:
        return False
    topic_size = _pair(stream, body)
    topic = body + 2
    place = topic + topic_size
    if topic_size == 0 or place > end or stream[topic] == 0x24 or not _is_ascii(stream, topic, place):
        return False
    packet_id = 0
    if header & 0x02:
        if place + 2 > end:
            return False
        packet_id = _pair(stream, place)
        place += 2
        if packet_id == 0:
            return False
    content_type, type_size, subscription = -1, 0, 0
    if is_v5:
        size, place = _number(stream, place, end)
        if place < 0 or place + size > end:
            return False
        if size:
            is_fine, content_type, type_size, subscription = _properties(stream, place, place + size)
            if not is_fine:
                return False
        place += size
    table[0, column] = topic - start
    table[1, column] = topic_size
    table[2, column] = place - start
    table[3, column] = end - place
    table[4, column] = packet_id
    table[5, column] = header & 0x07
    table[6, column] = content_type - start if content_type >= 0 else -1
    table[7, column] = type_size
    table[8, column] = subscription
    return True


@light_part
def _is_ascii(stream, place, end):
    bits = np.uint8(0)
    for position in range(np.uintp(place), np.uintp(end)):
        bits |= stream[position]
    return bits < 0x80


@light_part
def _properties(stream, place, end):
    """Whether the properties are ordinary; where the content type is, its size, and the subscription identifier."""
    content_type, type_size, subscription = -1, 0, 0
    seen = 0
    while place < end:
        name = stream[place]
        place += 1
        if name > USER or (seen >> name & 1 and name != USER):
            return False, -1, 0, 0
        seen |= 1 << name
        if name == FORMAT:
            if place >= end or stream[place] > 1:
                return False, -1, 0, 0
            place += 1
        elif name == EXPIRY:
            place += 4
        elif name == SUBSCRIPTION:
            subscription, place = _number(stream, place, end)
            if place < 0 or subscription == 0:
                return False, -1, 0, 0
        elif name in (TYPE, REPLY, CORRELATION, USER):
            for _ in range(2 if name == USER else 1):
                if place + 2 > end:
                    return False, -1, 0, 0
                size = _pair(stream, place)
                place += 2
                if place + size > end or (name != CORRELATION and not _is_text(stream, place, place + size)):
                    return False, -1, 0, 0
                if name == TYPE:
                    content_type, type_size = place, size
                place += size
        else:
            return False, -1, 0, 0
    return place == end, content_type, type_size, subscription


@light_part
def _is_text(stream, place, end):
    is_text = True
    for position in range(place, end):
        is_text &= 0 < stream[position] < 0x80
    return is_text


@serial_kernel
def columns(content, table):
    """Copy what a table points at into columns as Arrow keeps them.

    Of topics, payloads and content types the ends and the bytes in a row; which messages have a content type, one bit
    each; the QoS of each; which are retained, one bit each.
    """
    topic_ends, topics = _pieces(content, table[0], table[1])
    payload_ends, payloads = _pieces(content, table[2], table[3])
    type_ends, types = _pieces(content, table[6], table[7])
    count = table.shape[1]
    qos = np.empty(count, np.uint8)
    retained, typed = np.zeros((count + 7) // 8, np.uint8), np.zeros((count + 7) // 8, np.uint8)
    for row in range(count):
        qos[row] = table[5, row] >> 1 & 3
        retained[row >> 3] |= np.uint8((table[5, row] & 1) << (row & 7))
        typed[row >> 3] |= np.uint8((table[6, row] >= 0) << (row & 7))
    return topic_ends, topics, payload_ends, payloads, type_ends, types, typed, qos, retained


@part
def _pieces(content, starts, sizes):
    """The pieces that begin at `starts` and are as long as `sizes`, in a row, and where each ends in it, behind a 0."""
    ends = np.empty(sizes.size + 1, np.int32)
    ends[0] = 0
    for piece in range(sizes.size):
        ends[piece + 1] = ends[piece] + sizes[piece]
    out = np.empty(ends[sizes.size], np.uint8)
    for piece in range(sizes.size):
        if sizes[piece]:
            start, place = np.uintp(starts[piece]), np.uintp(ends[piece])
            for position in range(np.uintp(sizes[piece])):
                out[place + position] = content[start + position]
    return ends, out
