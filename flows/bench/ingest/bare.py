"""The least that has to be done to a stream of messages: find each packet, and write its acknowledgement."""

import numba


@numba.njit(nogil=True, cache=False)  # type: ignore[untyped-decorator]
def answers_to(stream, end, answers):  # type: ignore[no-untyped-def]
    """Write a PUBACK for each whole PUBLISH of stream[:end]; return how many there are and where the last ends."""
    place = count = 0
    while place + 2 <= end and 4 * count < answers.size:
        body, length, shift = place + 1, 0, 0
        while body < end:
            length |= (stream[body] & 127) << shift
            shift += 7
            body += 1
            if stream[body - 1] < 128:
                break
        if stream[body - 1] >= 128 or body + length > end:
            break
        packet_id = body + 2 + ((stream[body] << 8) | stream[body + 1])
        answers[4 * count] = 0x40
        answers[4 * count + 1] = 2
        answers[4 * count + 2] = stream[packet_id]
        answers[4 * count + 3] = stream[packet_id + 1]
        count += 1
        place = body + length
    return count, place
