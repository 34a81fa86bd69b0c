"""Reads a run's event file with Python's standard library alone: framing, CRC-32C and protocol buffers, and compares it with
metrics.csv, samples/ and options.cfg. Prints what it found: "12 steps, 60 scalars, pictures of 0 5 10 12, 1 text".

Usage: tfevents.py RUN"""
import csv
import pathlib
import struct
import sys

TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    TABLE.append(number)


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        length, crc = struct.unpack_from('<QI', data, at)
        assert crc == masked_crc(data[at:at + 8]), f'the length at {at} is damaged'
        event = data[at + 12:at + 12 + length]
        assert len(event) == length, f'the record at {at} is cut off'
        assert struct.unpack_from('<I', data, at + 12 + length)[0] == masked_crc(event), f'the record at {at} is damaged'
        yield event
        at += 12 + length + 4


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """Yields (field, value) of a message; values are numbers, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length
        else:
            form, size = {1: ('<d', 8), 5: ('<f', 4)}[wire]
            value, at = struct.unpack_from(form, data, at)[0], at + size
        yield key >> 3, value


run = pathlib.Path(sys.argv[1])
scalars, pictures, texts, version, last = {}, [], [], None, 0
for event in records((run / 'events.out.tfevents.0').read_bytes()):
    event = dict(fields(event))
    version = version or event[3]
    assert event[1] > 1.6e9 and event.get(2, 0) >= last, 'time or steps fall'
    last = event.get(2, 0)
    for _, value in fields(event.get(5, b'')):
        value = dict(fields(value))
        tag = value[1].decode()
        if 2 in value:
            assert (tag, last) not in scalars, f'{tag} of step {last} is there twice'
            scalars[tag, last] = value[2]
        elif 4 in value:
            image = dict(fields(value[4]))
            png = (run / f'samples/{last:06}.png').read_bytes()
            assert image[4] == png and (image[2], image[1]) == struct.unpack_from('>II', png, 16) and image[3] == 3
            pictures.append(last)
        else:
            texts.append(dict(fields(value[8]))[8].decode())
            assert dict(fields(dict(fields(value[9]))[1]))[1] == b'text'
assert version == b'brain.Event:2'
assert [line[4:] for line in texts[0].splitlines() if line.strip()] == (run / 'options.cfg').read_text().splitlines()
with open(run / 'metrics.csv', newline='') as file:
    rows = list(csv.DictReader(file))
expected = {(tag, int(row['step'])): struct.unpack('<f', struct.pack('<f', float(cell)))[0]
            for row in rows for tag, cell in row.items() if tag not in ('step', 'seconds') and cell}
assert scalars == expected, 'the scalars are not those of metrics.csv'
print(f'{len(rows)} steps, {len(scalars)} scalars, pictures of {" ".join(map(str, pictures))}, {len(texts)} text')
