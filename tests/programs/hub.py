#!/usr/bin/env python3
"""Programs that read models by addresses of the Hugging Face Hub: hub.py PROGRAMS SOURCES WORK

Two servers stand for the Hub and for the host to which it redirects for large files. They answer as huggingface_hub's
file_download.py and utils/_http.py expect: X-Repo-Commit, X-Linked-Etag, X-Linked-Size, ETag, X-Error-Code, ranges.
"""
import concurrent.futures
import hashlib
import http.server
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

programs, sources, work = (pathlib.Path(path).resolve() for path in sys.argv[1:4])
avatars = sources / 'configs' / 'avatars'
token = 'hf_ThisTokenIsASecret'
failures = []


def check(what, holds):
    if not holds:
        failures.append(what)
        print('FAILED:', what, flush=True)


def commit_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


class Repository:
    """One repository: the files of each revision, and how its large files are served."""

    def __init__(self, name, files, **more):
        self.name = name
        self.revisions = {'main': files, **more.get('revisions', {})}
        self.access = more.get('access', 'public')  # or gated, private
        self.log = []  # (server, method, what, token?, range)
        self.cut_after = None  # bytes; once
        self.stall_after = None  # bytes; then nothing more comes
        self.damaged = False
        self.ranges = True

    def commit(self, revision):
        return revision if revision not in self.revisions else commit_of(self.name + revision)

    def files(self, revision):
        for name, files in self.revisions.items():
            if revision in (name, self.commit(name)):
                return files
        return None

    def asked(self, server, method=None):
        return [entry for entry in self.log if entry[0] == server and method in (None, entry[1])]


repositories = {}
unknown_log = []


def repository(name, files, **more):
    files = {path: content if isinstance(content, bytes) else pathlib.Path(content).read_bytes()
             for path, content in files.items()}
    repositories[name] = Repository(name, files, **more)
    return repositories[name]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        if 'Content_Length' not in headers:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(body)

    def note(self, repo, server, what):
        repo.log.append((server, self.command, what, self.headers.get('Authorization') is not None, self.headers.get('Range')))

    def do_HEAD(self):
        self.do_GET()


class HubHandler(Handler):
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path  # with a proxy the request line has the whole address
        if path.startswith('/mirror/'):
            path = path[len('/mirror'):]
        api = re.fullmatch(r'/api/models/([^/]+/[^/]+)/revision/([^/]+)', path)
        file = re.fullmatch(r'/([^/]+/[^/]+)/resolve/([^/]+)/(.+)', path)
        if not api and not file:
            return self.answer(404)
        name = (api or file)[1]
        if name.startswith('old/'):
            return self.answer(307, Location=path.replace('/old/', '/org/'))
        repo = repositories.get(name)
        given = self.headers.get('Authorization')
        if repo is None or (repo.access == 'private' and given != f'Bearer {token}'):
            return self.answer(401, X_Error_Code='RepoNotFound', X_Error_Message='Repository not found')
        self.note(repo, 'hub', 'list' if api else file[3])
        revision = urllib.parse.unquote((api or file)[2])
        files = repo.files(revision)
        if files is None:
            return self.answer(404, X_Error_Code='RevisionNotFound', X_Error_Message=f'Invalid rev id: {revision}')
        commit = repo.commit(revision)
        if api:
            return self.answer(200, json.dumps({'id': name, 'sha': commit,
                                                'siblings': [{'rfilename': file} for file in sorted(files)]}).encode())
        if repo.access == 'gated' and given != f'Bearer {token}':
            return self.answer(403, X_Error_Code='GatedRepo', X_Error_Message='Access to model is restricted')
        path = urllib.parse.unquote(file[3])
        if path not in files:
            return self.answer(404, X_Error_Code='EntryNotFound', X_Repo_Commit=commit)
        content = files[path]
        if path.endswith(('.safetensors', '.bin')):  # in LFS
            digest = hashlib.sha256(content).hexdigest()
            return self.answer(302, b'Found. Redirecting', Location=f'{store}/{name}/{digest}?X-Signature=secret',
                               X_Repo_Commit=commit, X_Linked_Etag=f'"{digest}"', X_Linked_Size=str(len(content)),
                               ETag='"of-the-redirect"')
        digest = hashlib.sha1(b'blob %d\0' % len(content) + content).hexdigest()
        self.answer(200, content, X_Repo_Commit=commit, ETag=f'"{digest}"')


class StoreHandler(Handler):
    def do_GET(self):
        org, name, digest = urllib.parse.urlsplit(self.path).path.strip('/').split('/')
        repo = repositories[f'{org}/{name}']
        self.note(repo, 'store', digest)
        content = next(content for files in repo.revisions.values() for content in files.values()
                       if hashlib.sha256(content).hexdigest() == digest)
        if repo.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        wanted = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', '')) if repo.ranges else None
        start = int(wanted[1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header('Content-Length', str(len(content) - start))
        if wanted:
            self.send_header('Content-Range', f'bytes {start}-{len(content) - 1}/{len(content)}')
        self.end_headers()
        if repo.cut_after is not None:
            end, repo.cut_after = repo.cut_after, None
            self.wfile.write(content[start:end])
        elif repo.stall_after is not None:
            self.wfile.write(content[start:repo.stall_after])
            self.wfile.flush()
            stalled.set()
            released.wait(60)
        else:
            self.wfile.write(content[start:])


def serve(handler):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f'http://127.0.0.1:{server.server_port}'


stalled, released = threading.Event(), threading.Event()
hub, store = serve(HubHandler), serve(StoreHandler)


class Place:
    """A cache of its own, and the programs that use it."""

    def __init__(self, name, **environment):
        self.home = work / 'homes' / name
        self.home.mkdir(parents=True)
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(('HF_', 'HUGGING', 'XDG_CACHE')) and 'PROXY' not in key.upper()}
        self.environment = {**kept, 'HF_HOME': str(self.home), 'HF_ENDPOINT': hub, **environment}

    def start(self, program, *words, environment=None, limit=None):
        limits = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
        return subprocess.Popen([programs / program, *words], env={**self.environment, **(environment or {})}, text=True,
                                cwd=self.home, preexec_fn=limits, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def end(self, child, what):
        self.out, self.err = child.communicate(timeout=300)
        check(f'{what}: no secret in the output', token not in self.out + self.err and 'X-Signature' not in self.out + self.err)
        return child.returncode

    def run(self, program, *words, **more):
        what = ' '.join([program, *map(str, words)])
        code = self.end(self.start(program, *words, **more), what)
        check(f'{what}: exit code {code}, {self.err}', code == 0)
        return self.out

    def refused(self, sentence, program, *words, **more):
        what = ' '.join([program, *map(str, words)])
        code = self.end(self.start(program, *words, **more), what)
        check(f'{what}: expected {sentence!r}, found {code}, {self.err!r}',
              code == 1 and self.err.count('error: ') == 1 and re.search('error: .*' + sentence, self.err))
        check(f'{what}: left something in a snapshot', not [path for path in self.home.rglob('snapshots/*/*')
                                                           if not path.is_symlink() or not path.exists()])

    def folder(self, repo):
        return self.home / 'hub' / ('models--' + repo.name.replace('/', '--'))


def pixels_in(path):
    """The compressed pixels of a PNG, without the texts that name paths."""
    raw, at, out = path.read_bytes(), 8, b''
    while at < len(raw):
        length, kind = struct.unpack('>I4s', raw[at:at + 8])
        out += raw[at + 8:at + 8 + length] if kind in (b'IHDR', b'IDAT') else b''
        at += 12 + length
    return out


zombie = avatars / 'presets' / 'zombie.safetensors'


def fresh_download_and_cache():
    place = Place('fresh', HF_TOKEN=token)
    repo = repository('org/fresh', {'README.md': b'words', 'zombie.safetensors': zombie})
    address = 'hf:org/fresh/zombie.safetensors'
    place.run('inspect', address)
    digest, commit = hashlib.sha256(zombie.read_bytes()).hexdigest(), repo.commit('main')
    folder = place.folder(repo)
    link = folder / 'snapshots' / commit / 'zombie.safetensors'
    check('the layout is that of huggingface_hub', (folder / 'refs' / 'main').read_text() == commit and link.is_symlink() and
          os.readlink(link) == f'../../blobs/{digest}' and link.read_bytes() == zombie.read_bytes() and
          (place.home / 'hub' / '.locks' / folder.name / f'{digest}.lock').exists() and
          [path.name for path in (folder / 'blobs').iterdir()] == [digest])
    check('the endpoint was sent the token', repo.asked('hub') and all(entry[3] for entry in repo.asked('hub')))
    check('the other host was sent none', repo.asked('store') and not any(entry[3] for entry in repo.asked('store')))
    repo.log.clear()
    place.run('inspect', address)
    check('a branch is asked for once, and nothing is downloaded twice', [entry[2] for entry in repo.log] == ['list'])
    repo.log.clear()
    place.run('inspect', f'{address}@{commit}')
    place.run('inspect', address, environment={'HF_HUB_OFFLINE': '1'})
    check('a commit, and HF_HUB_OFFLINE, ask for nothing', repo.log == [])
    place.run('inspect', address, environment={'HF_ENDPOINT': 'http://127.0.0.1:9'})
    check(f'without network the copy is taken, and told: {place.err}', 'cannot be reached' in place.err and
          f'the copy of commit {commit[:7]}' in place.err)
    check('the preset of a repository with one model is found by its address',
          'zombie' in place.run('presets', 'show', 'hf:org/fresh', environment={'HF_HUB_OFFLINE': '1'}))


def what_python_downloaded_is_found():
    place = Place('python')
    commit = commit_of('python')
    folder = place.home / 'hub' / 'models--org--python'
    (folder / 'refs').mkdir(parents=True)
    (folder / 'refs' / 'main').write_text(commit)
    (folder / 'blobs').mkdir()
    shutil.copy(zombie, folder / 'blobs' / 'abc')
    (folder / 'snapshots' / commit).mkdir(parents=True)
    os.symlink('../../blobs/abc', folder / 'snapshots' / commit / 'model.safetensors')
    place.run('inspect', 'hf:org/python', environment={'HF_HUB_OFFLINE': '1'})
    place.refused('HF_HUB_OFFLINE forbids to ask for it, and there is no copy', 'inspect', 'hf:org/python/other.safetensors',
                  environment={'HF_HUB_OFFLINE': '1'})


def folders():
    place = Place('folders')
    place.run('convert', avatars / 'encoder_vit.safetensors', 'theirs.safetensors', '--names', 'huggingface')
    raw = (place.home / 'theirs.safetensors').read_bytes()
    length = struct.unpack('<Q', raw[:8])[0]
    header, data = json.loads(raw[8:8 + length]), raw[8 + length:]
    header.pop('__metadata__', None)
    ours = (avatars / 'encoder_vit.safetensors').read_bytes()
    about = json.loads(ours[8:8 + struct.unpack('<Q', ours[:8])[0]])['__metadata__']
    tensors = {name: data[slice(*entry['data_offsets'])] for name, entry in header.items()}

    def packed(names):
        entries, body = {}, b''
        for name in names:
            entries[name] = {**header[name], 'data_offsets': [len(body), len(body) + len(tensors[name])]}
            body += tensors[name]
        text = json.dumps(entries).encode()
        return struct.pack('<Q', len(text)) + text + body

    shape = {name: entry['shape'] for name, entry in header.items()}
    width = shape['vision_model.embeddings.class_embedding'][0]
    layers = {tower: 1 + max(int(name.split('.')[3]) for name in shape if name.startswith(f'{tower}_model.encoder.layers.'))
              for tower in ('vision', 'text')}
    patch = shape['vision_model.embeddings.patch_embedding.weight'][-1]
    side = round((shape['vision_model.embeddings.position_embedding.weight'][0] - 1) ** 0.5) * patch
    act = 'quick_gelu' if about['nada.gelu'] == 'quick' else 'gelu'
    text_width = shape['text_model.embeddings.token_embedding.weight'][1]
    config = {'model_type': 'clip', 'projection_dim': shape['visual_projection.weight'][0],
              'vision_config': {'hidden_size': width, 'num_hidden_layers': layers['vision'], 'image_size': side, 'patch_size': patch,
                                'hidden_act': act, 'num_attention_heads': int(about.get('nada.image_heads', width // 64))},
              'text_config': {'hidden_size': text_width, 'num_hidden_layers': layers['text'], 'hidden_act': act,
                              'num_attention_heads': int(about.get('nada.text_heads', max(1, text_width // 64)))}}
    names = sorted(tensors)
    half = len(names) // 2
    shards = {'model-00001-of-00002.safetensors': names[:half], 'model-00002-of-00002.safetensors': names[half:]}
    index = {'metadata': {}, 'weight_map': {name: file for file, part in shards.items() for name in part}}
    texts = {'config.json': json.dumps(config).encode(), 'merges.txt': about['nada.merges'].encode(), 'README.md': b'words',
             'vocab.json': b'{}'}
    whole = {**texts, 'model.safetensors': packed(names), 'pytorch_model.bin': b'not asked for'}
    repo = repository('org/clip', whole, revisions={'sharded': {
        **texts, 'model.safetensors.index.json': json.dumps(index).encode(),
        **{file: packed(part) for file, part in shards.items()}}})
    for revision in 'main', 'sharded':
        place.run('convert', f'hf:org/clip@{revision}', f'{revision}.safetensors')
        made = (place.home / f'{revision}.safetensors').read_bytes()
        start = 8 + struct.unpack('<Q', made[:8])[0]
        said = json.loads(made[8:start])['__metadata__']
        check(f'{revision}: settings and vocabulary come with the model: {place.err}', 'warning' not in place.err and
              all(said[key] == about[key] for key in ('nada.gelu', 'nada.merges')))
        entries = json.loads(made[8:start])
        same = {name: made[start:][slice(*entry['data_offsets'])] for name, entry in entries.items() if name != '__metadata__'}
        first = json.loads(ours[8:8 + struct.unpack('<Q', ours[:8])[0]])
        theirs = {name: ours[8 + struct.unpack('<Q', ours[:8])[0]:][slice(*entry['data_offsets'])]
                  for name, entry in first.items() if name != '__metadata__' and not name.startswith('step_head')}
        check(f'{revision}: the same numbers', same == theirs)
    fetched = {entry[2] for entry in repo.asked('hub')}
    check(f'only what is needed was fetched: {fetched}', not fetched & {'README.md', 'vocab.json', 'pytorch_model.bin'})
    repo.log.clear()
    place.run('inspect', f'hf:org/clip@{repo.commit("sharded")}')
    check('a folder of a commit is asked for never', repo.log == [])


def cut_connections():
    place = Place('cut')
    size = zombie.stat().st_size
    repo = repository('org/cut', {'model.safetensors': zombie})
    repo.cut_after = 100_000
    place.run('inspect', 'hf:org/cut')
    check(f'a cut download goes on: {repo.asked("store")}', [entry[4] for entry in repo.asked('store')] == [None, 'bytes=100000-'])

    repo = repository('org/killed', {'model.safetensors': zombie})
    digest = hashlib.sha256(zombie.read_bytes()).hexdigest()
    repo.stall_after = 150_000
    child = place.start('inspect', 'hf:org/killed')
    incomplete = place.folder(repo) / 'blobs' / f'{digest}.incomplete'
    for _ in range(600):
        if incomplete.exists() and incomplete.stat().st_size == 150_000:
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    check('a killed download leaves no name', not list((place.folder(repo)).glob('snapshots/*/*')))
    repo.stall_after = None
    repo.log.clear()
    place.run('inspect', 'hf:org/killed')
    check(f'the next process goes on where it ended: {repo.asked("store")}',
          [entry[4] for entry in repo.asked('store')] == ['bytes=150000-'] and not incomplete.exists())

    repo = repository('org/no-ranges', {'model.safetensors': zombie})
    repo.ranges, repo.cut_after = False, 100_000
    place.run('inspect', 'hf:org/no-ranges')
    check('a host without ranges sends it again', place.folder(repo).joinpath('blobs', digest).stat().st_size == size)


def damage():
    place = Place('damage')
    digest = hashlib.sha256(zombie.read_bytes()).hexdigest()
    repo = repository('org/damaged', {'model.safetensors': zombie})
    repo.damaged = True
    place.refused('came damaged from .*: its [0-9]+ bytes have another SHA-256 than announced; nothing was kept', 'inspect',
                  'hf:org/damaged')
    check('a damaged file is not kept', not list((place.folder(repo) / 'blobs').iterdir()))
    repo.damaged = False
    (place.folder(repo) / 'blobs' / f'{digest}.incomplete').write_bytes(b'x' * 1000)
    repo.log.clear()
    place.run('inspect', 'hf:org/damaged')
    check(f'a damaged beginning is thrown away: {repo.asked("store")}',
          [entry[4] for entry in repo.asked('store')] == ['bytes=1000-', None])
    repository('org/full', {'model.safetensors': zombie})
    place.refused('cannot write .*[.]incomplete: .*; HF_HOME names another folder', 'inspect', 'hf:org/full', limit=100_000)


def refusals():
    place = Place('refusals')
    repository('org/gated', {'model.safetensors': zombie}, access='gated')
    repository('org/private', {'model.safetensors': zombie}, access='private')
    two = repository('org/two', {'a.safetensors': zombie, 'b.safetensors': zombie, 'README.md': b'words'})
    place.refused(r'there is no repository org/nowhere at .*, or it is private and no token was given \(HF_TOKEN', 'inspect',
                  'hf:org/nowhere')
    place.refused(f'org/gated is gated: its terms have to be accepted at {hub}/org/gated first', 'inspect', 'hf:org/gated')
    (place.home / 'token').write_text(token + '\n')
    place.run('inspect', 'hf:org/private')
    place.refused("org/two has no revision 'v9'", 'inspect', 'hf:org/two@v9')
    place.refused('org/two has no file c.safetensors', 'inspect', 'hf:org/two/c.safetensors')
    place.refused('holds several models; name one of a.safetensors, b.safetensors', 'inspect', 'hf:org/two')
    place.refused('expected an address hf:ORG/NAME.*, found no slash', 'inspect', 'hf:two')
    place.refused(r'cannot be reached \(.*\), and there is no copy in ', 'inspect', 'hf:org/two', environment={'HF_ENDPOINT': 'http://127.0.0.1:9'})
    check('nothing of these was downloaded', not two.asked('store'))


def other_ways():
    place = Place('ways', HF_HUB_CACHE=str(work / 'homes' / 'elsewhere'))
    repo = repository('org/ways', {'model.safetensors': zombie})
    place.run('inspect', 'hf:old/ways', environment={'HF_ENDPOINT': hub + '/mirror/', 'HF_TOKEN': token})
    check('a renamed repository of a mirror is followed with the token', all(entry[3] for entry in repo.asked('hub')) and
          not any(entry[3] for entry in repo.asked('store')))
    check('HF_HUB_CACHE names the cache', (work / 'homes' / 'elsewhere' / 'models--old--ways' / 'blobs').exists())
    repo.log.clear()
    place.run('inspect', 'hf:org/ways', environment={'HF_ENDPOINT': 'http://the-hub.invalid', 'HTTP_PROXY': hub, 'NO_PROXY': '127.0.0.1'})
    check(f'HTTP_PROXY is asked, and not for hosts of NO_PROXY: {repo.log}', repo.asked('hub') and repo.asked('store'))
    repo = repository('org/together', {'model.safetensors': zombie})
    children = [place.start('inspect', 'hf:org/together') for _ in range(2)]
    check('two processes read one model', [place.end(child, 'two at once') for child in children] == [0, 0])
    check(f'one of two processes downloads: {repo.log}', len(repo.asked('store')) == 1)


def runs():
    place = Place('runs')
    generator = repository('org/faces', {'model.safetensors': avatars / 'generator.safetensors'})
    encoder = repository('org/eyes', {'vit.safetensors': avatars / 'encoder_vit.safetensors'}, revisions={
        'v1': {'vit.safetensors': (avatars / 'encoder_vit.safetensors').read_bytes()}})
    place.run('adapt', '--generator', 'hf:org/faces', '--encoder', 'hf:org/eyes/vit.safetensors@v1:0.5', '--source', 'a face', '--target',
              'a zombie', '--steps', '1', '--batch', '1', '--samples-every', '0', '--out', 'run')
    options = (place.home / 'run' / 'options.cfg').read_text()
    check(f'a run keeps the addresses with their commits: {options}',
          f'generator = hf:org/faces@{generator.commit("main")}\n' in options and
          f'encoder = hf:org/eyes/vit.safetensors@{encoder.commit("v1")}:0.5\n' in options)
    generator.log.clear()
    place.run('generate', '--generator', 'run/adapted.safetensors', '--count', '1', '--out', 'x.png')
    check('the base of a delta is its address', (place.home / 'x.png').exists() and generator.log == [])
    delta = (place.home / 'run' / 'adapted.safetensors').read_bytes().replace(
        f'hf:org/faces@{generator.commit("main")}'.encode(), b'base.safetensors'.ljust(len(generator.commit('main')) + 13))
    length = struct.unpack('<Q', delta[:8])[0]
    header = json.loads(delta[8:8 + length])
    header['__metadata__']['nada.base'] = header['__metadata__']['nada.base'].strip()
    text = json.dumps(header).encode()
    repository('org/look', {'model.safetensors': struct.pack('<Q', len(text)) + text + delta[8 + length:],
                            'base.safetensors': avatars / 'generator.safetensors'})
    place.run('generate', '--generator', 'hf:org/look', '--count', '1', '--out', 'y.png')
    check('a base beside a delta comes with it', pixels_in(place.home / 'x.png') == pixels_in(place.home / 'y.png'))


def exports():
    place = Place('exports')
    place.run('presets', 'export', 'zombie', '--out', 'zombie', '--folded')
    folder = place.home / 'zombie'
    files = {path.name: path for path in folder.iterdir()}
    check(f'what a repository holds: {sorted(files)}', sorted(files) == ['README.md', 'base.safetensors', 'generator.safetensors',
                                                                       'model.safetensors', 'samples.png'])
    head, card = (folder / 'README.md').read_text().removeprefix('---\n').split('\n---\n')
    head = dict(line.split(': ', 1) for line in head.splitlines())
    check(f'the head of the card: {head}', head['license'] == 'cc-by-4.0' and head['library_name'] == 'nada' and
          head['pipeline_tag'] == 'unconditional-image-generation' and 'stylegan-nada' in head['tags'])
    check('the card names command, licence and base', './quickstart adapt --target "a zombie"' in card and 'Johan Melin' in card and
          re.search('SHA-256 of its weights `[0-9a-f]{64}`', card) and '](samples.png)' in card)
    repository('me/zombie', files)
    for generator, out in [(zombie, 'a.png'), ('hf:me/zombie', 'b.png'), ('hf:me/zombie/generator.safetensors', 'c.png')]:
        place.run('generate', '--generator', generator, '--count', '1', '--out', out)
    check('the repository renders what the preset does', pixels_in(place.home / 'a.png') == pixels_in(place.home / 'b.png'))
    check('so does the whole generator in it', pixels_in(place.home / 'a.png') == pixels_in(place.home / 'c.png'))


parts = [runs, exports, folders, fresh_download_and_cache, cut_connections, refusals, damage, other_ways, what_python_downloaded_is_found]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for part, result in [(part, pool.submit(part)) for part in parts]:
        try:
            result.result()
        except Exception as error:  # told as a failure of its part; the others go on
            check(f'{part.__name__}: {error!r}', False)
released.set()
sys.exit(1 if failures else 0)
