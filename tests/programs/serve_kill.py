#!/usr/bin/env python3
"""Kills `serve` at random moments: serve_kill.py PROGRAM KILLS [SEED]. What was answered with 202 must end well in the end."""
import atexit
import glob
import http.client
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time
import zlib

program, kills = sys.argv[1], int(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
chance = random.Random(seed)
cookie = {'Cookie': 'nada-owner=' + '0123456789abcdef' * 2}
failures = []
print('seed', seed)


def check(what, holds):
    if not holds:
        failures.append(what)
        print('FAILED:', what)


class Server:
    def __init__(self):
        with open('server.txt', 'w') as out:
            self.process = subprocess.Popen([program, '--port', '0', '--runs', 'runs', '--queue', '100', '--client-jobs', '100',
                                             '--client-requests', '100000'],
                                            stdout=out, stderr=subprocess.STDOUT)
        atexit.register(self.process.kill)  # of one that is over already does nothing
        until = time.time() + 60
        while time.time() < until and self.process.poll() is None:
            text = open('server.txt').read()
            address = re.search(r'^open +http://[0-9.]+:([0-9]+)$', text, re.M)
            if address and 'runs  ' in text:
                self.port = int(address[1])
                return
            time.sleep(0.05)
        raise SystemExit('FAILED: the server did not start: ' + open('server.txt').read())

    def ask(self, method, path, body=None, kind='application/json'):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        headers = dict(cookie)
        if body is not None:
            headers['Content-Type'] = kind
        connection.request(method, '/api/v2/' + path, body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data)


def face():
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    rows = zlib.compress((b'\0' + b'\xc0\x90\x70' * 64) * 64)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 64, 64, 8, 2, 0, 0, 0)) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


def children(folder):
    """Trainings that are still there, by their command lines."""
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            words = open(path, 'rb').read().decode(errors='replace').split('\0')
        except OSError:
            continue
        if words[0].endswith('/adapt') and any(folder in word for word in words):
            found.append(words)
    return found


picture = face()
promised = []
for round_ in range(kills):
    server = Server()
    open_jobs = [job for job in promised[-4:] if server.ask('GET', 'runs/' + job)[1].get('state') in ('queued', 'running')]
    for _ in range(max(round_ % 2, 2 - len(open_jobs))):
        try:
            if chance.random() < 0.6:
                status, job = server.ask('POST', 'runs', json.dumps({'target': 'a zombie', 'steps': chance.randrange(2, 12), 'batch': 1}))
            else:
                status, job = server.ask('POST', 'stylize?steps=10', picture, 'image/png')
        except (OSError, http.client.HTTPException):
            continue
        # the server takes 100 that are not over: a queue can be full only after as many promises
        check(f'taken, or told that there are too many: {status} {job}', status == 202 or (status == 429 and len(promised) >= 100))
        if status == 202:
            promised.append(job['id'])
    time.sleep(chance.choice([0, chance.random() * 0.3, chance.random() * 4]))
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()

until = time.time() + 6  # trainings save their state and end with their server
while children(os.path.abspath('runs')) and time.time() < until:
    time.sleep(0.1)
check(f'no training outlives its server: {children(os.path.abspath("runs"))}', not children(os.path.abspath('runs')))
server = Server()
states = {}
until = time.time() + 120 + 60 * len(promised)  # on a busy machine
while time.time() < until:
    states = {job: server.ask('GET', 'runs/' + job) for job in promised}
    if not any(status == 429 or about.get('state') in ('queued', 'running') for status, about in states.values()):
        break
    time.sleep(0.5)
for job, (status, about) in states.items():
    check(f'{job} was promised and is done: {status} {about.get("state")} {about.get("message")}', status == 200 and about['state'] == 'done')
check('no id was given twice', len(set(promised)) == len(promised))
empty = [name for name in os.listdir('runs') if os.path.isdir('runs/' + name) and not os.listdir('runs/' + name)]
check(f'no empty folder is left: {empty}', not empty)
total = server.ask('GET', 'runs?count=200')[1]['total']
check(f'no run came of itself: {total} of {len(promised)}', total <= len(promised) + kills)
server.process.terminate()
check('the server ends well', server.process.wait(60) == 0)
print(f'{kills} kills, {len(promised)} jobs promised')
check('a job for each second kill, or a full queue', len(promised) >= min(100, kills // 2))
sys.exit(1 if failures else 0)
