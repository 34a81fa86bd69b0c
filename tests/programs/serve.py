#!/usr/bin/env python3
"""A client of `serve` that is polite, rude or many: serve.py URL SOURCES api|bad|strange|soak|proxy|plant|foreign|full|begin|again|read-only ...

Every answer is held against docs/openapi.json: a path, method, status, type or field that it does not name is a failure.
"""
import base64
import email
import http.client
import io
import json
import math
import os
import random
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse
import zipfile
import zlib

url = urllib.parse.urlsplit(sys.argv[1])
sources = sys.argv[2]
host, port = url.hostname, url.port
owner = '0123456789abcdef' * 2  # of this client
api = json.load(open(os.path.join(sources, 'docs', 'openapi.json')))
patterns = {path: re.compile('^' + re.sub(r'\\{[^}]+\\}', '[^/]+', re.escape('/api/v2' + path)) + '$')
            for path in api['paths']}
failures = []


def check(what, holds):
    if not holds:
        failures.append(what)
        print('FAILED:', what)


def misfit(value, schema, where='answer'):
    """What of a JSON value its schema does not name, or nothing."""
    if '$ref' in schema:
        schema = api['components']['schemas'][schema['$ref'].split('/')[-1]]
    kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int, 'number': (int, float)}
    kind = schema.get('type')
    if kind and (not isinstance(value, kinds[kind]) or (kind != 'boolean' and isinstance(value, bool))):
        return f'{where} is no {kind}'
    if 'enum' in schema and value not in schema['enum']:
        return f'{where} is {value}'
    if kind == 'array':
        return next(filter(None, (misfit(item, schema['items'], where + '[]') for item in value)), None)
    if kind == 'object' and 'properties' in schema:
        missing = [name for name in schema.get('required', []) if name not in value]
        unknown = [name for name in value if name not in schema['properties']]
        if missing or unknown:
            return f'{where} lacks {missing} and has {unknown}'
        return next(filter(None, (misfit(value[name], schema['properties'][name], f'{where}.{name}') for name in value)), None)
    return None


def documented(method, target, status, headers, data):
    if method == 'HEAD':
        return
    path = target.split('?')[0]
    for name, pattern in patterns.items():
        if pattern.match(path) and method.lower() in api['paths'][name]:
            answers = api['paths'][name][method.lower()]['responses']
            check(f'docs/openapi.json names {status} of {method} {name}', str(status) in answers)
            kind = headers.get('Content-Type', '').split(';')[0]
            content = answers.get(str(status), {}).get('content', {})
            check(f'docs/openapi.json names {kind} of {method} {name}', kind in content or status == 304)
            if kind == 'application/json' and kind in content:
                wrong = misfit(data, content[kind]['schema'])
                check(f'docs/openapi.json tells what {method} {name} answers: {wrong}', not wrong)
            return
    check(f'docs/openapi.json names {method} {target}', status in (403, 404, 405))


def pictures_of(kind, data):
    parts = email.message_from_bytes(b'Content-Type: ' + kind.encode() + b'\r\n\r\n' + data).get_payload()
    about = json.loads(parts[0].get_payload(decode=True))
    schema = api['paths']['/generate']['post']['responses']['200']['content']['multipart/form-data']['schema']['properties']['about']
    check(f'docs/openapi.json tells what comes with pictures: {misfit(about, schema)}', not misfit(about, schema))
    check('a part for each picture', len(parts) == len(about['pictures']) + 1)
    for entry, part in zip(about['pictures'], parts[1:]):
        entry['png'] = part.get_payload(decode=True)
        check('its name is that of the file', part.get_filename() == entry['name'])
    return about


def ask(method, target, body=None, headers=None, timeout=60):
    """Returns status, headers and body: parsed where it is JSON, and pictures as {pictures: [{..., png: bytes}], seconds}."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    headers = {'Cookie': f'nada-owner={owner}', **(headers or {})}
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
        headers.setdefault('Content-Type', 'application/json')
    elif method == 'POST' and body is None:
        headers.setdefault('Content-Length', '0')
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    kind = response.headers.get('Content-Type', '')
    if kind.startswith('application/json') and data:
        data = json.loads(data)
    elif kind.startswith('multipart/form-data'):
        data = pictures_of(kind, data)
    if target.startswith('/api/v2/'):
        documented(method, target, response.status, response.headers, data)
    return response.status, response.headers, data


def get(path):
    status, _, data = ask('GET', '/api/v2/' + path)
    check(f'GET {path} is answered, not {status} {data if status != 200 else ""}', status == 200)
    return data


def post(path, body=None, expected=202):
    status, _, data = ask('POST', '/api/v2/' + path, body)
    check(f'POST {path} gives {expected}, not {status} {data}', status == expected)
    return data


def events(run, seconds=120, last=None):
    """The server-sent events of a run until `end`, as (name, data)."""
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    connection.request('GET', f'/api/v2/runs/{run}/events', headers={'Cookie': f'nada-owner={owner}', **({'Last-Event-ID': str(last)} if last else {})})
    response = connection.getresponse()
    refused = json.loads(response.read()) if response.status != 200 else None
    documented('GET', f'/api/v2/runs/{run}/events', response.status, response.headers, refused)
    found, name = [('refused', response.status)] if refused else [], None
    for line in response:
        line = line.decode().rstrip('\n')
        if line.startswith('event: '):
            name = line[7:]
        elif line.startswith('data: '):
            found.append((name, json.loads(line[6:])))
            if name == 'end':
                break
    connection.close()
    return found


def wait_for(run, *states, seconds=120):
    until = time.time() + seconds
    while time.time() < until:
        about = get(f'runs/{run}')
        if about['state'] in states:
            return about
        time.sleep(0.1)
    check(f'{run} becomes {states}, is {about}', False)
    return about


def png(width, height, pixel=b'\x80\x60\x40'):
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    rows = zlib.compress((b'\0' + pixel * width) * height)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)) + \
        chunk(b'IDAT', rows) + chunk(b'IEND', b'')


def rows_of(data):
    """The pixels of an 8-bit RGB PNG, a list of (r, g, b) for each row."""
    width, height = struct.unpack('>II', data[16:24])
    raw_, out, above = zlib.decompress(b''.join(chunks(data, b'IDAT'))), [], [0] * (3 * width)
    for y in range(height):
        kind, line = raw_[y * (3 * width + 1)], list(raw_[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for i in range(len(line)):
            a, b, c = line[i - 3] if i > 2 else 0, above[i], above[i - 3] if i > 2 else 0
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
        out.append([tuple(line[i:i + 3]) for i in range(0, len(line), 3)])
        above = line
    return out


def same_picture(a, b):
    """Whether two PNGs differ by at most one level: how many samples are computed together may move a pixel by so much."""
    pairs = zip(rows_of(a), rows_of(b), strict=True)
    return all(abs(x - y) <= 1 for one, other in pairs for p, q in zip(one, other, strict=True) for x, y in zip(p, q))


def png_of(rows):
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    data = zlib.compress(b''.join(b'\0' + bytes(c for pixel in row for c in pixel) for row in rows))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', len(rows[0]), len(rows), 8, 2, 0, 0, 0)) + \
        chunk(b'IDAT', data) + chunk(b'IEND', b'')


def turned(rows, degrees):
    """A picture turned about its middle in one of twice its size, and the points of it whose square is the whole of `rows`."""
    r = len(rows)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def colour(x, y):  # of the picture, bilinear; its edge beyond
        x, y = min(max(x - 0.5, 0), r - 1), min(max(y - 0.5, 0), r - 1)
        x0, y0 = min(int(x), r - 2), min(int(y), r - 2)
        a, b = x - x0, y - y0
        return tuple(round((1 - b) * ((1 - a) * p + a * q) + b * ((1 - a) * s + a * t)) for p, q, s, t in
                     zip(rows[y0][x0], rows[y0][x0 + 1], rows[y0 + 1][x0], rows[y0 + 1][x0 + 1]))

    out = []
    for j in range(2 * r):
        row = []
        for i in range(2 * r):
            x, y = i + 0.5 - r, j + 0.5 - r
            row.append(colour(cos * x + sin * y + r / 2, -sin * x + cos * y + r / 2))
        out.append(row)
    # of the framing (3.7, 3.6, -0.75): a square of side r around the middle
    points = [(-r / 7.4, 0.15 * r), (r / 7.4, 0.15 * r), (0, 0.35 * r)]
    return out, ','.join(f'{r + cos * x - sin * y:.9f},{r + sin * x + cos * y:.9f}' for x, y in points)


def stylize_everyhow(face, look):
    """A picture found at once, closer, by a search, and turned. Returns the run that was found at once."""
    kind = {'Content-Type': 'image/png'}
    runs = {}
    for query, options in (('', {'method': 'inverter', 'refine': '0', 'seed': '0'}), ('?refine=12&seed=3', {'method': 'inverter', 'refine': '12', 'seed': '3'}),
                           ('?steps=12', {'method': 'search', 'steps': '12', 'seed': '0'})):
        status, _, job = ask('POST', '/api/v2/stylize' + query, face, kind)
        check(f'a picture is taken: {job}', status == 202)
        steps = int(options.get('steps', 0)) or max(1, int(options['refine']))
        seen = events(job['id'])
        check(f'an event a step, {query}', [d['step'] for n, d in seen if n == 'step'] == list(range(1, steps + 1)))
        check(f'found, {query}', seen[-1] == ('end', {'state': 'done'}))
        about = get(f'runs/{job["id"]}')
        check(f'its options, {query}: {about}', about['steps'] == steps and options.items() <= about['options'].items())
        check(f'how near it came, {query}: {about["measured"]}', about['measured']['psnr'] > 12 and not about['measured']['far'])
        runs[query] = about
    once, closer = runs[''], runs['?refine=12&seed=3']
    check('steps after the inverter come nearer', closer['measured']['psnr'] > once['measured']['psnr'] - 0.3)
    with open('found.txt', 'w') as file:
        file.write(f'{closer["id"]} {runs["?steps=12"]["id"]} {look}')

    square = rows_of(ask('GET', f'/api/v2/runs/{once["id"]}/picture.png')[2])
    for degrees, most in ((0, 0.01), (90, 0.01), (-25, 6)):
        picture, points = turned(square, degrees)
        status, _, job = ask('POST', f'/api/v2/stylize?points={points}', png_of(picture), kind)
        check(f'a turned face is taken: {job}', status == 202)
        wait_for(job['id'], 'done')
        upright = rows_of(ask('GET', f'/api/v2/runs/{job["id"]}/picture.png')[2])
        difference = sum(abs(a - b) for row, own in zip(upright, square) for p, q in zip(row, own) for a, b in zip(p, q)) / (3 * len(square) ** 2)
        check(f'a face turned by {degrees} comes back upright, {difference:.2f} from itself', difference <= most)
        ask('DELETE', f'/api/v2/runs/{job["id"]}')

    # a stop acts while it gets ready
    status, _, job = ask('POST', '/api/v2/stylize?steps=500', face, kind)
    wait_for(job['id'], 'running')
    begin = time.time()
    post(f'runs/{job["id"]}/cancel')
    stopped = wait_for(job['id'], 'stopped')
    print(f'a search that gets ready stops after {time.time() - begin:.2f} s at step {stopped["step"]}')
    check(f'a search that gets ready stops: {stopped}', stopped['state'] == 'stopped' and stopped['step'] < 100)
    return once


def use_api():
    # the page: no outside resource, strict headers
    for path in ('/', '/app.js', '/style.css', '/icon.svg'):
        status, headers, data = ask('GET', path)
        check(f'the page has {path}', status == 200 and len(data) > 100)
        check(f'{path} is safe from other sites', "default-src 'none'" in headers['Content-Security-Policy'] and
              "frame-ancestors 'none'" in headers['Content-Security-Policy'] and
              headers['X-Content-Type-Options'] == 'nosniff')
        check(f'{path} names no other site', b'//' not in data.replace(b'http://www.w3.org', b'') or path.endswith('.js'))
    check('no script of the policy may be inline', 'unsafe' not in ask('GET', '/')[1]['Content-Security-Policy'])

    names = [look['name'] for look in get('presets')['presets']]
    check('the source comes first', names[0] == 'source')
    for name in names:
        check(f'{name} has a picture', ask('GET', f'/api/v2/presets/{name}/picture')[2].startswith(b'\x89PNG'))
    first = post('generate', {'presets': names[:2], 'seed': 5, 'count': 3}, 200)['pictures']
    check('a picture for each preset and person', len(first) == 3 * len(names[:2]))
    data = first[0]['png']
    check('PNG with its options inside', data.startswith(b'\x89PNG') and b'nada:options' in data and b'seed = 5' in data)
    again = post('generate', {'seed': 5, 'count': 3}, 200)['pictures']
    check('a seed always gives the same', [p['png'] for p in again] == [p['png'] for p in first[:3]])
    locked = post('generate', {'latents': [{'seed': 5, 'index': 2}], 'presets': names[:2]}, 200)['pictures']
    check('a locked latent is the same person', same_picture(locked[0]['png'], first[2]['png']))
    check('and no other', not same_picture(locked[0]['png'], first[1]['png']))
    if len(names) > 1:
        nothing = post('generate', {'seed': 5, 'count': 1, 'presets': [names[1]], 'strength': 0}, 200)['pictures'][0]
        check('strength 0 is the source', same_picture(nothing['png'], first[0]['png']))
        check('strength 1 is not', not same_picture(first[3]['png'], first[0]['png']))
    unknown = get('words?text=' + urllib.parse.quote('a zomby in a spaceshipp'))['unknown']
    check('unknown words are told', any(entry['word'] == 'spaceshipp' for entry in unknown))
    check('known ones are not', not get('words?text=a%20zombie')['unknown'])
    known = get('words?known=true')['known']
    check('all that are known are told where it is asked for', 'zombie' in known and known == sorted(known) and 'known' not in get('words'))

    # adapting, with two in the queue
    run = post('runs', {'target': 'a zombie', 'steps': 4, 'batch': 2})
    second = post('runs', {'target': 'a devil', 'steps': 400, 'batch': 1})
    third = post('runs', {'target': 'a devil', 'steps': 2})
    check('ids differ', len({run['id'], second['id'], third['id']}) == 3)
    check('the third waits', third['state'] == 'queued' and third.get('position', 0) >= 1)
    why = ask('POST', f'/api/v2/runs/{third["id"]}/resume')
    check(f'one that waits is not resumed, with the true reason: {why[2]}', why[0] == 409 and 'queued already' in why[2]['error'])
    post(f'runs/{third["id"]}/cancel')
    check('taken out of the queue', third['id'] not in [r['id'] for r in get('runs')['runs'] if r['state'] != 'stopped'])
    seen = events(run['id'])
    check('an event a step', [d['step'] for n, d in seen if n == 'step'] == [1, 2, 3, 4])
    check('pictures at the start and the end', {0, 4} <= {d['step'] for n, d in seen if n == 'picture'})
    check('it ends well', seen[-1] == ('end', {'state': 'done'}))
    check('who comes back goes on', [d['step'] for n, d in events(run['id'], last=2) if n == 'step'] == [3, 4])
    for name in ('options.cfg', 'metrics.csv', 'adapted.safetensors', 'report.html', 'samples/0', 'samples/4'):
        status, headers, data = ask('GET', f'/api/v2/runs/{run["id"]}/{name}')
        check(f'{name} can be had', status == 200 and len(data) > 50)
    target = f'/api/v2/runs/{run["id"]}/adapted.safetensors'
    _, headers, whole = ask('GET', target)
    for asked, expected in (('bytes=0-9', whole[:10]), ('bytes=-7', whole[-7:]), ('bytes=100-', whole[100:])):
        status, _, part = ask('GET', target, None, {'Range': asked})
        check(f'{asked} of a delta', status == 206 and part == expected)
    check('a range of an older delta is the whole', ask('GET', target, None, {'Range': 'bytes=0-9', 'If-Range': '"x"'})[0] == 200)
    check('a range beyond the end', ask('GET', target, None, {'Range': f'bytes={len(whole)}-'})[0] == 416)
    check('HEAD has no body', ask('HEAD', target)[1]['Content-Length'] == str(len(whole)))
    kept = post(f'runs/{run["id"]}/keep', {'name': 'mine'}, 201)
    check('kept as a preset', kept == {'name': 'mine'} and 'mine' in [p['name'] for p in get('presets')['presets']])
    check('once only', ask('POST', f'/api/v2/runs/{run["id"]}/keep', {'name': 'mine'})[0] == 409)
    check('a kept preset makes pictures', len(post('generate', {'presets': ['mine'], 'count': 2}, 200)['pictures']) == 2)

    # pausing and going on
    until = time.time() + 100
    while get(f'runs/{second["id"]}')['step'] < 2 and time.time() < until:
        time.sleep(0.1)
    post(f'runs/{second["id"]}/cancel')
    paused = wait_for(second['id'], 'stopped', 'failed', 'done')
    check(f'paused with all its files: {paused}', paused['state'] == 'stopped' and 'adapted.safetensors' in paused['files'])
    check('a paused run cannot be cancelled', ask('POST', f'/api/v2/runs/{second["id"]}/cancel')[0] == 409)
    post(f'runs/{second["id"]}/resume')
    until = time.time() + 100
    while get(f'runs/{second["id"]}')['step'] <= paused['step'] and time.time() < until:
        time.sleep(0.1)
    post(f'runs/{second["id"]}/cancel')
    later = wait_for(second['id'], 'stopped', 'failed', 'done')
    check(f'it went on: {later}', later['step'] > paused['step'])

    # stylising
    face = first[1]['png']
    job = stylize_everyhow(face, names[1])
    made = post('generate', {'run': job['id'], 'presets': names[:2]}, 200)['pictures']
    check('the picture in each preset', len(made) == len(names[:2]))
    for name in ('picture.png', 'inversion.png', 'codes.safetensors', 'options.cfg'):
        check(f'{name} can be had', ask('GET', f'/api/v2/runs/{job["id"]}/{name}')[0] == 200)
    listed = get('runs')['runs']
    check('runs are listed', {run['id'], second['id'], job['id']} <= {r['id'] for r in listed})
    found = get('runs?search=zombie&count=1')
    check('and found by their words', found['total'] == 1 and found['runs'][0]['id'] == run['id'])
    check('a page further is nothing', get('runs?search=zombie&first=1')['runs'] == [])

    # deleting
    check('a running one is not resumed with an untrue reason', 'done' in ask('POST', f'/api/v2/runs/{job["id"]}/cancel')[2]['error'])
    status, _, gone = ask('DELETE', f'/api/v2/runs/{job["id"]}')
    check('a run is deleted', status == 200 and gone == {'deleted': job['id']} and ask('GET', f'/api/v2/runs/{job["id"]}')[0] == 404)
    check('with its files', not os.path.exists(os.path.join('runs', job['id'])))
    check('a shipped look stays', ask('DELETE', f'/api/v2/presets/{names[1]}')[0] == 409)
    check('a look of somebody else too', ask('DELETE', '/api/v2/presets/mine', None, {'Cookie': 'nada-owner=' + 'e' * 32})[0] == 403)


def refused(what, method, target, body=None, headers=None, statuses=(400,), may_hang_up=False):
    try:
        status, _, data = ask(method, target, body, headers)
    except (ConnectionError, http.client.HTTPException) as error:
        # The server stops listening before a body that is too large was sent, and this client then reads no answer.
        check(f'{what}: answered, not {error!r}', may_hang_up and isinstance(error, ConnectionError))
        return
    check(f'{what}: {status} among {statuses}', status in statuses)
    check(f'{what}: a sentence, found {data!r:.200}', isinstance(data, dict) and list(data) == ['error'] and
          len(data['error']) > 5 and '/work' not in data['error'] and 'frame #' not in data['error'])


def raw(data, seconds=5):
    """Sends bytes as they are, returns what comes back."""
    with socket.create_connection((host, port), timeout=seconds) as s:
        s.sendall(data)
        out = b''
        try:
            while part := s.recv(65536):
                out += part
        except (TimeoutError, ConnectionError):
            pass
        return out


def until_cut_off(first, rest):
    """Seconds until the server closes the connection of a client that says `first`, and then `rest` twice a second."""
    begin = time.time()
    with socket.create_connection((host, port), timeout=0.5) as s:
        try:
            s.sendall(first)
            while time.time() - begin < 60:
                try:
                    if not s.recv(4096):
                        break
                except TimeoutError:
                    s.sendall(rest)
        except ConnectionError:
            pass
    return time.time() - begin


def be_rude():
    count = 0
    # clients that dawdle, while the others come and go
    upload = f'POST /api/v2/stylize HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: image/png\r\nContent-Length: 500000\r\n\r\n'
    dawdlers = {'says nothing': (b'', b'', 15), 'says a byte at a time': (b'GET / HTTP/1.1\r\nX: ', b'x', 55),
                'does not end its upload': (upload.encode() + b'\x89PNG', b'x', 55)}
    took = {}
    threads = [threading.Thread(target=lambda name=name: took.update({name: until_cut_off(*dawdlers[name][:2])})) for name in dawdlers]
    for thread in threads:
        thread.start()
    numbers = [-1, 0.5, 1e308, 1e400, 2**63, 2**64, 10**40, '7', None, True, [], {}, 'NaN', float('nan'), -0.0]
    post_json = {'Content-Type': 'application/json'}
    for field, good in (('count', {1}), ('seed', {0})):
        for value in numbers:
            if value is None or (field == 'seed' and value == -0.0 and False):
                continue
            refused(f'{field} = {value!r}', 'POST', '/api/v2/generate', json.dumps({field: value}), post_json)
            count += 1
    for field in ('truncation', 'strength'):
        for value in (99, -99, 1e308, '1', [], {}, True, float('nan'), float('inf')):
            refused(f'{field} = {value!r}', 'POST', '/api/v2/generate', json.dumps({field: value}), post_json)
            count += 1
    for value in ('sketch', [], [1], [None], ['../x'], ['a' * 100], ['source'] * 2, [['source']], {'a': 1}, ['x'] * 99, ['é']):
        refused(f'presets = {value!r:.40}', 'POST', '/api/v2/generate', {'presets': value}, None)
        count += 1
    for value in ('nobody', '..', '%2e%2e', 'a\0b', 'source.safetensors'):
        refused(f'preset {value!r}', 'POST', '/api/v2/generate', {'presets': [value]}, None, (400, 404))
        count += 1
    for value in ([], {}, [1], [{}], [{'seed': 1}], [{'seed': 1, 'index': -1}], [{'seed': 1, 'index': 1, 'x': 2}], [{'seed': 1, 'index': 0}] * 25):
        refused(f'latents = {value!r:.40}', 'POST', '/api/v2/generate', {'latents': value}, None)
        count += 1
    for value in ('../..', 'x' * 200, 7, {}, '', 'nobody-1', '/etc/passwd'):
        refused(f'run = {value!r:.40}', 'POST', '/api/v2/generate', {'run': value}, None, (400, 404))
        count += 1
    refused('too many pictures', 'POST', '/api/v2/generate', {'latents': [{'seed': 1, 'index': i} for i in range(24)], 'presets': ['source', 'a', 'b', 'c', 'd']})
    for body in ('', ' ', '{', '}', '[]', '7', 'null', '"x"', '{"a"}', '{"count":}', '{"count":1,}', '\ufeff{}x', '{"count":1}{"count":1}',
                 '[' * 30000, '{"a":' * 10000, '{"a":' * 9 + '1' + '}' * 9, '{"x":1}', '{"__proto__":{}}', "{'count':1}", '{"count":1e}', 'true'):
        refused(f'body {body!r:.30}', 'POST', '/api/v2/runs', body.encode(), post_json)
        count += 1
    for body in (b'\xff\xfe', b'{"target":"\xff"}', b'{"target":"\xc0\xaf"}', b'\0' * 100, bytes(range(256)), b'{"target":"a\\u0000b"}',
                 b'{"target":"a\\nb"}', b'{"target":"\\ud800"}'):
        refused(f'bytes {body!r:.30}', 'POST', '/api/v2/runs', body, post_json)
        count += 1
    for value in ('', '   ', 7, [], None, 'x' * 201, 'a ' * 99 + 'a', 'a cartoon portrait'):
        refused(f'target = {value!r:.30}', 'POST', '/api/v2/runs', {'target': value})
        count += 1
    for field, values in (('steps', [0, -1, 1e9, 2001, 2.5, '3', 2**64, True]), ('batch', [0, 17, 'x', 1.5]), ('lr', [0, -1, 1, 'x', 1e-300]),
                          ('source', ['', 7, 'x' * 300, []]), ('seed', [-1, 2**60, 'x', 0.1]), ('out', ['/tmp/x']), ('config', ['/etc/passwd']),
                          ('generator', ['x']), ('threads', [99]), ('resume', ['x']), ('device', ['cuda'])):
        for value in values:
            refused(f'{field} = {value!r:.30}', 'POST', '/api/v2/runs', {'target': 'a zombie', field: value})
            count += 1
    # the ranges that docs/openapi.json names
    for path, action in api['paths'].items():
        body = action.get('post', {}).get('requestBody', {}).get('content', {}).get('application/json', {}).get('schema', {})
        for field, schema in body.get('properties', {}).items():
            for value in [schema[end] + (1 if end == 'maximum' else -1) for end in ('minimum', 'maximum') if end in schema]:
                target = '/api/v2' + path.replace('{id}', 'a-zombie-1')
                refused(f'{field} = {value} at {path}', 'POST', target, {'target': 'a ghost', field: value} if path == '/runs' else {field: value})
                count += 1
    # names and paths
    for path in ('runs/..', 'runs/../presets/..', 'runs/%2e%2e/options.cfg', 'runs/..%2f..%2fetc/passwd', 'runs/nobody', 'runs/a%00b', 'runs//events',
                 'runs/mine-1/../../x', 'runs/' + 'x' * 5000, 'presets/nobody/picture', 'presets/../picture', 'presets/source/picture/x', 'x', '',
                 'runs/nobody/events', 'runs/nobody/samples/0', 'runs/presets/mine.safetensors', 'runs/.serve.log', 'runs/%c0%ae%c0%ae/x',
                 'runs/a-zombie-1/samples/../../x', 'runs/a-zombie-1/samples/-1', 'runs/a-zombie-1/samples/99999999999999999999', 'runs/a-zombie-1/samples/4.png',
                 'runs/a-zombie-1/state.safetensors', 'runs/a-zombie-1/..', 'runs/a-zombie-1/%2e%2e/x', 'runs/a-zombie-1/deltas'):
        refused(f'path {path:.40}', 'GET', '/api/v2/' + path, None, None, (404, 403))
        count += 1
    for path in ('/..', '/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/style.css/', '/index.html', '//style.css', '/api', '/api/', '/api/v3/status',
                 '/' + 'y' * 7000, '/.git/config', '/app.js%00'):
        refused(f'page {path:.40}', 'GET', path, None, None, (404,))
        count += 1
    refused('an endless address', 'GET', '/' + 'z' * 9000, None, None, (404, 414))
    for path in ('runs/nobody/cancel', 'runs/nobody/resume', 'runs/nobody/keep'):
        refused(path, 'POST', '/api/v2/' + path, {}, None, (404,))
    for name in ('', '../x', 'A', 'a b', 'x' * 41, 7, None):
        refused(f'keep as {name!r:.20}', 'POST', '/api/v2/runs/a-zombie-1/keep', {'name': name})
        count += 1
    refused('keep as the source', 'POST', '/api/v2/runs/a-zombie-1/keep', {'name': 'source'}, None, (409,))
    # methods and types
    for method in ('PUT', 'DELETE', 'PATCH', 'OPTIONS'):
        refused(method, method, '/api/v2/runs', '', {'Content-Length': '0'}, (405,))
        count += 1
    for path in ('status', 'presets', 'words', 'runs/a-zombie-1', 'runs/a-zombie-1/events', 'runs/a-zombie-1/options.cfg'):
        refused(f'POST {path}', 'POST', '/api/v2/' + path, {}, None, (405,))
        count += 1
    for path in ('generate', 'stylize', 'runs/a-zombie-1/cancel'):
        refused(f'GET {path}', 'GET', '/api/v2/' + path, None, None, (405,))
        count += 1
    for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '', 'image/png', 'application/jsonx'):
        refused(f'JSON as {kind!r}', 'POST', '/api/v2/runs', b'{"target": "a zombie"}', {'Content-Type': kind}, (415,))
        count += 1
    refused('words too long', 'GET', '/api/v2/words?text=' + 'x' * 1200)
    refused('words that are no text', 'GET', '/api/v2/words?text=%ff%fe')
    # who asks
    for name in ('evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost@evil', '', '[::1', '10.0.0.1', 'localhost:port'):
        refused(f'Host {name!r}', 'GET', '/api/v2/status', None, {'Host': name}, (403,))
        count += 1
    for origin in ('http://evil.example', 'null', f'http://localhost:{port}', f'http://127.0.0.1:{port + 1}', f'ftp://127.0.0.1:{port}', 'file://'):
        refused(f'Origin {origin!r}', 'POST', '/api/v2/generate', {}, {'Origin': origin}, (403,))
        count += 1
    check('its own Origin is welcome', ask('POST', '/api/v2/generate', {'count': 1}, {'Origin': f'http://{host}:{port}'})[0] == 200)
    # uploads
    kind = {'Content-Type': 'image/png'}
    whole = png(64, 64)
    huge = bytearray(png(8, 8))
    huge[16:24] = struct.pack('>II', 60000, 60000)
    huge[29:33] = struct.pack('>I', zlib.crc32(bytes(huge[12:29])))
    for what, data, statuses in (('empty', b'', (415,)), ('text', b'hello' * 100, (415,)), ('GIF', b'GIF89a' + b'\0' * 50, (415,)),
                                 ('SVG', b'<svg xmlns="http://www.w3.org/2000/svg"/>', (415,)), ('cut', whole[:60], (400,)), ('head only', whole[:8], (400,)),
                                 ('60000 x 60000', bytes(huge), (400,)), ('flipped', whole[:50] + bytes([whole[50] ^ 255]) + whole[51:], (400,)),
                                 ('JPEG without an end', b'\xff\xd8\xff\xe0' + b'\0' * 100, (400,)), ('zip', b'PK\3\4' + b'\0' * 100, (415,)),
                                 ('17 MB', b'\x89PNG\r\n\x1a\n' + b'\0' * (17 << 20), (413,))):
        refused(f'upload {what}', 'POST', '/api/v2/stylize', data, kind, statuses, may_hang_up=what == '17 MB')
        count += 1
    answer = raw(b'POST /api/v2/stylize HTTP/1.1\r\n' + f'Host: {host}:{port}\r\n'.encode() +
                 b'Content-Type: image/png\r\nContent-Length: 17825792\r\nExpect: 100-continue\r\n\r\n')
    check(f'who asks before sending 17 MB is told: {answer[:80]!r}', answer.startswith(b'HTTP/1.1 413') and b'"error"' in answer)
    for query in ('steps=0', 'steps=x', 'steps=9999', 'steps=1e2', 'x=1', 'seed=-1', 'steps=50&steps=60&x', 'refine=-1', 'refine=201', 'refine=x',
                  'refine=0.5', 'refine=5&steps=50', 'refine=0&steps=50', 'points=', 'points=7', 'points=1,2,3', 'points=1,2,3,4,5,x', 'points=1,2,3,4,5,nan',
                  'points=1,2,3,4,5,6,7,8', 'points=20,20,40,20,30,900', 'points=-1,20,40,20,30,40', 'points=10,20,40,20,60,20', 'points=40,20,20,20,30,40',
                  'points=20,20,20,20,20,20', 'points=1e300,1,2,1e300,3,4', 'points=' + '9' * 2001):
        refused(f'stylize?{query}', 'POST', '/api/v2/stylize?' + query, whole, kind, (400,))
        count += 1
    refused('a picture as text', 'POST', '/api/v2/stylize', whole, {'Content-Type': 'text/plain'}, (415,))
    # not even HTTP
    random.seed(7)
    line = f'Host: {host}:{port}\r\n'.encode()
    junk = [b'\r\n\r\n', b'GET\r\n\r\n', b'GET / HTTP/9.9\r\n' + line + b'\r\n', b'GET / HTTP/1.1\r\n\r\n', b'\x16\x03\x01' + b'\0' * 200 + b'\r\n\r\n',
            b'POST /api/v2/runs HTTP/1.1\r\n' + line + b'\r\n',
            b'POST /api/v2/runs HTTP/1.1\r\n' + line + b'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
            b'POST /api/v2/runs HTTP/1.1\r\n' + line + b'Content-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n',
            b'POST /api/v2/runs HTTP/1.1\r\n' + line + b'Content-Type: application/json\r\nContent-Length: -5\r\n\r\n',
            b'POST /api/v2/runs HTTP/1.1\r\n' + line + b'Content-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ',
            b'POST /api/v2/runs HTTP/1.1\r\n' + line + b'Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}',
            b'GET / HTTP/1.1\r\n' + line + b'Content-Length: 50\r\n\r\n' + b'GET /api/v2/status HTTP/1.1\r\n' + line + b'\r\n',
            b'GET / HTTP/1.1\r\n' + line + line + b'\r\n', b'GET / HTTP/1.1\r\n' + line + b'Range: bytes=0-0,0-0,5-1\r\n\r\n']
    junk += [bytes(random.randrange(256) for _ in range(random.randrange(1, 400))) + b'\r\n\r\n' for _ in range(30)]
    for data in junk:
        answer = raw(data + b'', 0.7)
        check(f'{data!r:.60} is not taken: {answer[:60]!r}', not answer.startswith(b'HTTP/1.1 20') or data.startswith(b'GET / HTTP/1.1\r\n' + line + b'Range'))
        count += 1
    # heads without an end, and clients that say nothing
    slow = [socket.create_connection((host, port)) for _ in range(20)]
    for s in slow[:10]:
        s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n')
    begin = time.time()
    check('it answers beside twenty that dawdle', get('status')['version'] != '')
    check('at once', time.time() - begin < 2)
    for s in slow:
        s.close()
    cut = socket.create_connection((host, port))
    cut.sendall(b'POST /api/v2/stylize HTTP/1.1\r\n' + line + b'Content-Type: image/png\r\nContent-Length: 500000\r\n\r\n' + whole[:300])
    cut.close()
    flood = socket.create_connection((host, port), timeout=15)
    try:
        for _ in range(600):  # 60 MB of head
            flood.sendall(b'X-A: ' + b'b' * 8000 + b'\r\n' + b'c' * 92000)
        check('a head without an end is cut off', False)
    except OSError:
        pass
    flood.close()
    for thread in threads:
        thread.join()
    for name, seconds in took.items():
        check(f'a client that {name} is cut off after {seconds:.0f} s', seconds < dawdlers[name][2])
    check('it still answers', get('status')['waiting'] == 0)
    check('and generates', len(post('generate', {'count': 2}, 200)['pictures']) == 2)
    check(f'at least 200 bad requests, {count}', count >= 200)
    print(count, 'bad requests')


def be_strange():
    """One request gets one answer: what is no request (RFC 9112) ends the connection, and so does what would hide a second one."""
    line = f'Host: {host}:{port}\r\n'.encode()
    inner = b'GET /api/v2/status HTTP/1.1\r\n' + line + b'\r\n'
    begin_of = b'POST /api/v2/generate HTTP/1.1\r\n' + line + b'Content-Type: application/json\r\n'
    cases = {
        'a header line of 70 KB': (b'GET / HTTP/1.1\r\n' + line + b'X: ' + b'a' * 70000 + b'\r\n\r\n', 431),
        'a head of 100 KB': (b'GET / HTTP/1.1\r\n' + line + b''.join(b'X-%d: %s\r\n' % (i, b'a' * 1000) for i in range(100)) + b'\r\n', 431),
        '101 lines': (b'GET / HTTP/1.1\r\n' + line + b'X: a\r\n' * 100 + b'\r\n', 431),
        'an address of 70 KB': (b'GET /' + b'a' * 70000 + b' HTTP/1.1\r\n' + line + b'\r\n', 431),
        'a garbage line': (b'hello\r\n\r\n', 400),
        'a space before the colon': (begin_of + b'Content-Length: 2\r\nTransfer-Encoding : chunked\r\n\r\n{}', 400),
        'a NUL in a value': (b'GET / HTTP/1.1\r\n' + line + b'X: a\0b\r\n\r\n', 400),
        'a bare LF': (b'GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n', 400),
        'a bare CR in a value': (b'GET / HTTP/1.1\r\n' + line + b'X: a\rb\r\n\r\n', 400),
        'two lengths': (begin_of + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ', 400),
        'two equal lengths': (begin_of + b'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}', 400),
        'a list of lengths': (begin_of + b'Content-Length: 2, 2\r\n\r\n{}', 400),
        'a signed length': (begin_of + b'Content-Length: +2\r\n\r\n{}', 400),
        'a length in hexadecimal': (begin_of + b'Content-Length: 0x2\r\n\r\n{}', 400),
        'a length and chunks': (begin_of + b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
        'chunks': (begin_of + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 411),
        'chunks of HTTP/1.0': (begin_of.replace(b'1.1', b'1.0') + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 411),
        'a coding that nobody knows': (begin_of + b'Transfer-Encoding: xchunked\r\n\r\n{}', 411),
        'a GET with a body': (b'GET / HTTP/1.1\r\n' + line + b'Content-Length: %d\r\n\r\n' % len(inner), 400),
        'no Host': (b'GET / HTTP/1.1\r\n\r\n', 400),
        'two Hosts': (b'GET / HTTP/1.1\r\n' + line + line + b'\r\n', 400),
        'HTTP/2': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
        'HTTP/9.9': (b'GET / HTTP/9.9\r\n' + line + b'\r\n', 505),
        'another type': (b'POST /api/v2/generate HTTP/1.1\r\n' + line + b'Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n' % len(inner), 415),
        'a strange expectation': (begin_of + b'Expect: more\r\nContent-Length: %d\r\n\r\n' % len(inner), 417),
    }
    for name, (bytes_, status) in cases.items():
        begin = time.time()
        answer = raw(bytes_ + inner, 5)  # whatever follows must not be read as a request
        found = re.findall(rb'HTTP/1\.1 (\d+)', answer)
        check(f'{name}: one answer, {status}, found {found}', found == [str(status).encode()])
        check(f'{name}: the connection ends, after {time.time() - begin:.1f} s', time.time() - begin < 3)
    whole = b'GET http://%s:%d/api/v2/status HTTP/1.1\r\n' % (host.encode(), port) + line + b'Connection: close\r\n\r\n'
    check('a whole address is a target', raw(whole).startswith(b'HTTP/1.1 200'))
    two = raw(inner + inner.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n'))
    check('two requests in one packet get two answers', two.count(b'HTTP/1.1 200') == 2)
    cookies = b'GET /api/v2/status HTTP/1.1\r\n' + line + b'Cookie: a=' + b'b' * 40000 + b'\r\nConnection: close\r\n\r\n'
    check('cookies of 40 KB are no reason to lock a browser out', raw(cookies).startswith(b'HTTP/1.1 200'))

    # validators and ranges
    for path in ('/', '/app.js', '/api/v2/presets', '/api/v2/openapi.json', '/api/v2/presets/source/picture'):
        tag = ask('GET', path)[1]['ETag']
        status, headers, data = ask('GET', path, None, {'If-None-Match': tag})
        check(f'{path} is sent once: {status}', status == 304 and not data and headers['ETag'] == tag)
    check('the description is that of docs/', ask('GET', '/api/v2/openapi.json')[2] == api)
    check('version 1 says where to go', ask('GET', '/api/v1/status')[0] == 410)

    # 76 that dawdle at another address of this machine, and 200 clients at once
    dawdlers = []
    for _ in range(76):
        one = socket.socket()
        one.bind(('127.0.0.2', 0))
        one.connect((host, port))
        try:
            one.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n')
        except OSError:  # beyond the limit of one address
            pass
        dawdlers.append(one)
    begin = time.time()
    get('status')
    check(f'76 that dawdle stop nobody: {time.time() - begin:.2f} s', time.time() - begin < 2)
    for one in dawdlers:
        one.close()
    answers, lock = [], threading.Lock()

    def client(number):
        connection = http.client.HTTPConnection(host, port, timeout=60, source_address=(f'127.0.0.{3 + number % 20}', 0))
        for _ in range(5):
            try:
                connection.request('GET', '/api/v2/presets')
                response = connection.getresponse()
                response.read()
                status = response.status
            except Exception as error:  # any is a lost answer
                status = repr(error)
            with lock:
                answers.append(status)
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(f'200 clients get all answers: {set(answers)}', answers == [200] * 1000)

    # how fast an answer on a kept connection is
    connection = http.client.HTTPConnection(host, port)
    times = []
    for _ in range(100):
        begin = time.perf_counter()
        connection.request('GET', '/api/v2/presets')
        connection.getresponse().read()
        times.append(time.perf_counter() - begin)
    times.sort()
    print(f'GET presets on a kept connection: p50 {times[50] * 1000:.2f} ms, p95 {times[95] * 1000:.2f} ms')
    check('an answer on a kept connection does not wait for delayed acknowledgements', times[50] < 0.02)

    # somebody else
    mine = [r['id'] for r in get('runs')['runs'] if r.get('own')]
    other = {'Cookie': 'nada-owner=' + 'f' * 32}
    if mine:
        for method, path in (('GET', ''), ('GET', '/events'), ('GET', '/options.cfg'), ('POST', '/cancel'), ('POST', '/resume'), ('DELETE', '')):
            check(f'{method} {path} of somebody else', ask(method, f'/api/v2/runs/{mine[0]}{path}', None, other)[0] == 404)
        check('runs of others are not listed', not [r for r in ask('GET', '/api/v2/runs', None, other)[2]['runs'] if r['id'] in mine])
    _, headers, _ = ask('POST', '/api/v2/generate', {'count': 1}, {'Cookie': ''})
    check('a new person gets a token', re.match('nada-owner=[0-9a-f]{32}; Path=/; .*HttpOnly; SameSite=Strict', headers['Set-Cookie'] or ''))

    # what is generated, in its other forms
    status, headers, data = ask('POST', '/api/v2/generate', {'count': 1, 'scale': 4}, {'Accept': 'image/png'})
    side = 4 * get('status')['resolution']
    check('one picture alone, enlarged', status == 200 and data[16:24] == struct.pack('>II', side, side) and b'seed = 0' in data)
    check('several are no PNG', ask('POST', '/api/v2/generate', {'count': 2}, {'Accept': 'image/png'})[0] == 400)
    with zipfile.ZipFile(io.BytesIO(ask('POST', '/api/v2/generate', {'count': 3}, {'Accept': 'application/zip'})[2])) as archive:
        check('or a zip', archive.namelist() == [f'source-0-{i}.png' for i in range(3)] and archive.testzip() is None)
    plain = post('generate', {'count': 2}, 200)['pictures']
    film = post('generate', {'latents': [{'seed': 0, 'index': 0}, {'seed': 0, 'index': 1}], 'frames': 3}, 200)['pictures']
    check('a film goes from one person to the other', same_picture(film[0]['png'], plain[0]['png']) and
          same_picture(film[2]['png'], plain[1]['png']) and not same_picture(film[1]['png'], plain[0]['png']))
    names = [look['name'] for look in get('presets')['presets']]
    if len(names) > 2:
        blend = lambda *parts: post('generate', {'count': 1, 'blend': [
            {'preset': name, 'weight': weight} for name, weight in parts]}, 200)['pictures'][0]['png']
        alone = post('generate', {'count': 1, 'presets': [names[1]]}, 200)['pictures'][0]['png']
        check('a blend of one look alone is that look', same_picture(blend((names[1], 1), (names[2], 0)), alone))
        mixed = blend((names[1], .5), (names[2], .5))
        check('a blend of two is another', not same_picture(mixed, alone) and not same_picture(mixed, plain[0]['png']))

    check('it says that it is well', ask('GET', '/healthz')[2]['good'] is True)
    numbers = ask('GET', '/metrics')[2].decode()
    check('and how much it did', re.search(r'^nada_requests_total\{status="200"\} \d{3,}$', numbers, re.M) and 'nada_request_seconds_bucket' in numbers)


def chunks(data, kind):
    at = 8
    while at < len(data):
        size = struct.unpack('>I', data[at:at + 4])[0]
        if data[at + 4:at + 8] == kind:
            yield data[at + 8:at + 8 + size]
        at += 12 + size


def memory(process):
    with open(f'/proc/{process}/status') as file:
        return int(re.search(r'VmRSS:\s+(\d+)', file.read()).group(1)) / 1024


def soak(seconds, clients, process):
    """`clients` people for `seconds`: pages, pictures, events; two of them train and upload. No job is lost, memory stays."""
    lost, done, jobs, times, lock = [], [0], [], [], threading.Lock()
    lost_jobs, ended, slowed, efforts = [], [0], [0], ['', '?steps=10', '?refine=10']
    face = post('generate', {'seed': 1, 'count': 1}, 200)['pictures'][0]['png']

    def train():
        return ask('POST', '/api/v2/runs', {'target': 'a zombie', 'steps': 3, 'batch': 1})

    def search():
        efforts.append(efforts.pop(0))
        return ask('POST', '/api/v2/stylize' + efforts[0], face, {'Content-Type': 'image/png'})

    def work(begin):  # a job from its beginning to its end
        status, _, job = begin()
        if status == 202:
            with lock:
                jobs.append(job['id'])
            while (last := events(job['id'], 300)[-1]) == ('refused', 429):  # too many watch: their number is limited
                time.sleep(1)
            status = 200 if last == ('end', {'state': 'done'}) else 0
            with lock:
                ended[0] += 1
                if status == 0:
                    lost_jobs.append(job['id'])
            if begin is search and status == 200:  # a server keeps so many pictures of one client
                with lock:
                    jobs.remove(job['id'])
                status = ask('DELETE', f'/api/v2/runs/{job["id"]}')[0]
        return status

    def look(chance):
        kind = chance.randrange(5)
        if kind == 0:
            return ask('GET', chance.choice(['/', '/app.js', '/style.css']))[0]
        if kind == 1:
            return ask('GET', '/api/v2/' + chance.choice(['status', 'presets', 'runs', 'words?text=a%20zombie']))[0]
        if kind == 2:
            name, data = events(jobs[0])[-1]
            return data if name == 'refused' else 200 if name == 'end' else 0
        return ask('POST', '/api/v2/generate', {'seed': chance.randrange(1000), 'count': 2})[0]

    for begin in (train, search):  # what is loaded at first use is loaded
        check('a job before the crowd is done', work(begin) == 200)
    until = time.time() + seconds

    def person(number):
        chance = random.Random(number)
        while time.time() < until:
            begin = time.perf_counter()
            try:
                status = work([train, search][number]) if number < 2 else look(chance)
            except Exception as error:  # any is a lost answer
                status = repr(error)
            with lock:
                done[0] += 1
                slowed[0] += status == 429
                if number >= 2 and status != 429:
                    times.append(time.perf_counter() - begin)
                if status not in (200, 429):
                    lost.append(status)
            if status == 429:  # as Retry-After asks, but shorter, so that the limits are met often
                time.sleep(0.1)

    threads = [threading.Thread(target=person, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(min(10, seconds / 3))
    begin_memory = memory(process)
    for thread in threads:
        thread.join()
    end_memory = memory(process)
    missing = lost_jobs + [job for job in jobs if get(f'runs/{job}')['state'] != 'done']
    check(f'no job is lost: {missing[:5]}', not missing)
    check(f'no answer is lost: {lost[:5]}', not lost)
    check(f'memory stays: {begin_memory:.0f} MB, then {end_memory:.0f} MB', end_memory < begin_memory * 1.1 + 20)
    times.sort()
    at = lambda share: f'{times[int(share * (len(times) - 1))] * 1000:.0f} ms'
    print(f'{done[0]} answers ({slowed[0]} of them 429) and {ended[0]} jobs in {seconds:.0f} s to {clients} clients, '
          f'memory {begin_memory:.0f} MB then {end_memory:.0f} MB, lost jobs {len(missing)}, lost answers {len(lost)}, '
          f'an answer takes p50 {at(0.5)}, p95 {at(0.95)}, p99 {at(0.99)}')


def begin_run():
    run = post('runs', {'target': 'a ghost', 'steps': 1000, 'batch': 1})['id']
    until = time.time() + 60
    while get(f'runs/{run}')['step'] < 1 and time.time() < until:
        time.sleep(0.1)
    with open('begun.txt', 'w') as file:
        file.write(run)


def look_again():
    run = open('begun.txt').read()
    about = get(f'runs/{run}')
    check(f'a new server knows the run: {about}', about['state'] == 'stopped' and about['step'] >= 1)
    check('and the presets that were kept', 'mine' in [p['name'] for p in get('presets')['presets']])
    oldest = get('runs?count=200')['runs'][-1]
    check(f'a run that failed before it wrote a file stands by its date: {oldest}', oldest['id'] == 'a-failure-900001' and
          oldest['state'] == 'failed' and oldest['created'] == 1000 and oldest['message'] == 'it failed early')


def plant():
    """What an earlier version left: a run that failed before it wrote a file, and a search that waits, with the options of before the inverter."""
    kept = {'owner': '', 'client': 'x', 'ended': 0, 'state': '', 'message': ''}
    records = ({**kept, 'id': 'a-failure-900001', 'kind': 'adapt', 'number': 900001, 'created': 1000, 'ended': 1001, 'state': 'failed',
                'message': 'it failed early', 'asked': {'source': 'a face', 'target': 'a failure', 'steps': 3, 'seed': 0}},
               {**kept, 'id': 'picture-900002', 'kind': 'stylize', 'number': 900002, 'created': 2000, 'asked': {'steps': 10, 'seed': 0}})
    for record in records:
        os.mkdir(os.path.join('runs', record['id']))
        with open(os.path.join('runs', '.serve', record['id'] + '.json'), 'w') as file:
            json.dump(record, file)
    with open(os.path.join('runs', '.serve', 'picture-900002.png'), 'wb') as file:
        file.write(png(64, 64))


def only_read():
    for path, body in (('runs', {'target': 'a zombie'}), (f'runs/{open("begun.txt").read()}/resume', {}),
                       (f'runs/{open("begun.txt").read()}/cancel', {}), (f'runs/{open("begun.txt").read()}/keep', {'name': 'x'})):
        refused(f'read-only {path}', 'POST', '/api/v2/' + path, body, None, (403,))
    refused('read-only stylize', 'POST', '/api/v2/stylize', png(64, 64), {'Content-Type': 'image/png'}, (403,))
    check('but it generates', len(post('generate', {'count': 1}, 200)['pictures']) == 1)


def ask_through_proxy():
    """A server with --trusted-proxy 127.0.0.1 --name studio.example --password-file --client-requests 2 --client-jobs 1."""
    word = {'Authorization': 'Basic ' + base64.b64encode(b'any:open sesame').decode()}
    there = {'X-Forwarded-Host': 'studio.example', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Prefix': '/nada', **word}
    refused('no password', 'GET', '/api/v2/status', None, {}, (401,))
    refused('a wrong one', 'GET', '/api/v2/status', None, {'Authorization': 'Basic ' + base64.b64encode(b'any:open').decode()}, (401,))
    check('but it says that it is well', ask('GET', '/healthz')[0] == 200)
    status, headers, _ = ask('GET', '/', None, {'Cookie': '', 'X-Forwarded-For': '203.0.113.1', 'Origin': 'https://studio.example', **there})
    check('the page behind a proxy', status == 200 and re.search('; Path=/nada/; .*; Secure$', headers['Set-Cookie']))
    refused('another name', 'GET', '/api/v2/status', None, {**there, 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-For': '203.0.113.1'}, (403,))
    refused('another origin', 'GET', '/api/v2/status', None, {**there, 'Origin': 'https://localhost', 'X-Forwarded-For': '203.0.113.1'}, (403,))

    def one(client, method='GET', path='status', body=None):
        return ask(method, '/api/v2/' + path, body, {'X-Forwarded-For': '9.9.9.9, ' + client, **there})

    answers = [one('203.0.113.7') for _ in range(40)]
    slow = [headers for status, headers, _ in answers if status == 429]
    check('a client that asks too much is told when to come back', slow and all(int(h['Retry-After']) >= 1 for h in slow))
    check('another client behind the same proxy is not stopped', one('203.0.113.8')[0] == 200)
    first = one('203.0.113.8', 'POST', 'runs', {'target': 'a ghost', 'steps': 500, 'batch': 1})
    second = one('203.0.113.8', 'POST', 'runs', {'target': 'a devil', 'steps': 500, 'batch': 1})
    other = one('203.0.113.9', 'POST', 'runs', {'target': 'a robot', 'steps': 500, 'batch': 1})
    check(f'one job of a client, {first[0]} {second[0]} {other[0]}', (first[0], second[0], other[0]) == (202, 429, 202))
    for _, _, job in (other, first):
        one('203.0.113.9', 'POST', f'runs/{job["id"]}/cancel')


def search_instead():
    """A server whose inverter belongs to another generator."""
    check('it says that it only searches', get('status')['inverter'] is False)
    for query in ('', '?refine=5'):
        _, _, job = ask('POST', '/api/v2/stylize' + query, png(64, 64), {'Content-Type': 'image/png'})
        about = wait_for(job['id'], 'running')
        check(f'a picture is searched for: {about}', about['steps'] == 100)
        ask('POST', f'/api/v2/runs/{job["id"]}/cancel')
        about = wait_for(job['id'], 'stopped')
        check(f'and its options say so: {about}', about['options'].get('method') == 'search' and about['options'].get('steps') == '100')


def find_no_room():
    post(f'runs/{open("begun.txt").read()}/cancel')  # which is before it in the queue
    about = wait_for('picture-900002', 'done')
    check(f'a search that an earlier version took is made: {about}', about['steps'] == 10 and about['step'] == 10 and about['options']['method'] == 'search')
    for target, body, kind in (('runs', b'{"target": "a ghost"}', 'application/json'), ('stylize', png(64, 64), 'image/png')):
        refused(f'{target} beyond the quota', 'POST', '/api/v2/' + target, body, {'Content-Type': kind}, (507,))


part, rest = sys.argv[3], sys.argv[4:]
if part == 'api':
    use_api()
elif part == 'bad':
    be_rude()
elif part == 'strange':
    be_strange()
elif part == 'soak':
    soak(float(rest[0]), int(rest[1]), int(rest[2]))
elif part == 'proxy':
    ask_through_proxy()
elif part == 'plant':
    plant()
elif part == 'foreign':
    search_instead()
elif part == 'full':
    find_no_room()
elif part == 'begin':
    begin_run()
elif part == 'again':
    look_again()
elif part == 'read-only':
    only_read()
sys.exit(1 if failures else 0)
