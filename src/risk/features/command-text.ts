import { Buffer } from 'node:buffer'
import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import type { FeatureSpec, Note } from './feature.js'
import { objectsAt, segment, textOr, textsOf, type Places } from './places.js'

/** What each pattern finds, how people weigh it, and the pattern: all of them are linear in the text. */
const PATTERNS = {
  reverse_shell: {
    weight: 4,
    text: 'gives a shell to another host',
    pattern:
      /\/dev\/(?:tcp|udp)\/|\bmkfifo\b[^\n]{0,200}\b(?:nc|ncat|netcat|openssl|telnet)\b|\b(?:nc|ncat|netcat)(?:\.\w+)?\b[^\n|;]{0,80}\s(?:-[a-z]*[ec]|--exec|--sh-exec)\b|\bsocat\b[^\n]{0,160}\bexec:|pty\.spawn|\bsocket\b[^\n]{0,200}\bdup2\b|\bfsockopen\b[^\n]{0,160}\b(?:exec|shell_exec|proc_open|system)\b|\bTCPSocket\b[^\n]{0,120}\bexec\b|\bsh\s+-i\b[^\n]{0,60}[<>]&|\bIO::Socket::INET\b/i,
  },
  download_run: {
    weight: 3,
    text: 'downloads something and runs it',
    pattern:
      /\b(?:curl|wget|fetch|aria2c|lwp-download)\b[^\n;&]{0,200}\|\s*(?:sudo\s+)?(?:\/?(?:usr\/)?(?:bin\/)?)?(?:env\s+)?(?:ba|da|z|a|k)?sh\b|\b(?:curl|wget|fetch)\b[^\n]{0,200}\)\s*\|\s*(?:ba|da|z|a|k)?sh\b|\b(?:curl|wget)\b[^\n|]{0,200}\|\s*(?:python[0-9.]*|perl|ruby|node|php)\b|\b(?:ba|da|z)?sh\s+(?:-c\s+)?["']?(?:<\(|\$\()\s*(?:curl|wget)|\beval\b[^\n]{0,20}\$\(\s*(?:curl|wget)|\burllib[^\n]{0,160}\bexec\b|\bexec\([^\n]{0,100}\burlopen/i,
  },
  download_chmod: {
    weight: 2.5,
    text: 'downloads a file and makes it executable',
    pattern: /\b(?:curl|wget|fetch)\b/i,
    beside: /\bchmod\s+(?:-\w+\s+)?(?:\+|[ugoa]+\+|[0-7]{0,1}[157])/,
  },
  download: {
    weight: 0.5,
    text: 'downloads from the network',
    pattern: /\b(?:curl|wget)\b[^\n]{0,200}(?:https?:\/\/|\d+\.\d+\.\d+\.\d+)/i,
  },
  raw_address: {
    weight: 1.5,
    text: 'talks to a public address without a name',
    pattern:
      /(?<![\d.])(?!(?:10|127|0|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|22[4-9]|23\d|255)\.)(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])(?:[:/\s"']|$)/,
  },
  odd_host: {
    weight: 2,
    text: 'talks to a host that is made for passing by: a paste, a tunnel, a collector of requests',
    pattern:
      /\b(?:pastebin\.com|paste\.ee|dpaste\.(?:com|org)|hastebin|ghostbin|transfer\.sh|file\.io|0x0\.st|termbin\.com|ix\.io|temp\.sh|webhook\.site|requestbin|pipedream\.net|burpcollaborator|oast\.\w+|interact\.?sh|oastify\.com|dnslog\.|ngrok|serveo\.net|localhost\.run|trycloudflare\.com|duckdns\.org|no-ip\.|ddns\.net|anonfiles|catbox\.moe|discord(?:app)?\.com\/api\/webhooks|api\.telegram\.org|\w+\.onion)\b/i,
  },
  miner: {
    weight: 4,
    text: 'mines a cryptocurrency',
    pattern:
      /\bstratum\d?\+|\bxmr(?:ig|-stak)|\b(?:minerd|cpuminer|ethminer|nbminer|t-rex|lolminer|phoenixminer|ccminer|kinsing|kdevtmpfsi)\b|--(?:donate-level|coin|nicehash|randomx|cpu-priority|max-cpu-usage|rig-id|algo)\b|\b(?:minexmr|supportxmr|nanopool|moneroocean|hashvault|2miners|f2pool|unmineable|c3pool|nicehash)\b|\b(?:rx\/0|cryptonight|randomx)\b|(?:^|\s)-o\s+[\w.-]+:(?:3333|4444|5555|7777|14444|45700|10128|20128)\b/i,
  },
  metadata: {
    weight: 2.5,
    text: 'asks the metadata service of the cloud',
    pattern:
      /169\.254\.169\.254|169\.254\.170\.2|\bmetadata\.google\.internal\b|\bfd00:ec2::254\b|100\.100\.100\.200|\b0xa9fea9fe\b|\b2852039166\b/i,
  },
  token: {
    weight: 1.5,
    text: 'reads the token of its service account',
    pattern:
      /\/var\/run\/secrets\/kubernetes\.io\/serviceaccount|\/run\/secrets\/kubernetes\.io\/serviceaccount|serviceaccount\/token\b/i,
  },
  token_sent: {
    weight: 3,
    text: 'reads the token of its service account and sends something to the network',
    pattern: /secrets\/kubernetes\.io\/serviceaccount/i,
    beside:
      /\b(?:curl|wget)\b[^\n]{0,200}\s(?:-d|-F|-T|--data(?:-\w+)?|--post-(?:data|file)|--upload-file)\b|\|\s*(?:nc|ncat|curl)\b|\b(?:curl|wget)\b[^\n]{0,200}\$\((?:cat|<)\s/i,
  },
  credentials: {
    weight: 2,
    text: 'reads credentials of the node, of a person or of a cloud',
    pattern:
      /\/etc\/shadow|\.kube\/config|\/etc\/kubernetes\/(?:admin|kubelet|pki)|kubelet\/pki|\.aws\/credentials|\.ssh\/(?:id_|authorized_keys)|\/root\/\.|\.docker\/config\.json|\/proc\/(?:\d+|\*|1|self)\/(?:environ|root|mem|ns)|\.bash_history/i,
  },
  data_sent: {
    weight: 1.5,
    text: 'sends files to another host',
    pattern:
      /\b(?:curl|wget)\b[^\n]{0,200}(?:--data-binary|--data-raw|--upload-file|--post-file|-T|-F|-d)\s*["']?[^\n]{0,20}(?:@|\$\(|`|\/)|\btar\b[^\n]{0,100}\|\s*(?:curl|nc|ncat|openssl|ssh)\b|\b(?:scp|rsync|rclone)\b[^\n]{0,100}\w+@/i,
  },
  escape: {
    weight: 3,
    text: 'leaves its container for the node',
    pattern:
      /\bnsenter\b|\bchroot\s+(?:--\S+\s+)*["']?\/(?:host|mnt|rootfs|node|hostfs|root|hostroot|node-fs|host-root)|\brelease_agent\b|\bcore_pattern\b|\bnotify_on_release\b|\bunshare\s+-|\bdebugfs\b|\binsmod\b|\bmodprobe\b|\/proc\/sys\/kernel\/|\/proc\/1\/root|\bdocker(?:\s+-H\s+\S+)?\s+run\b[^\n]{0,120}(?:--privileged|-v\s+\/:|--pid)|\bctr\s+(?:-\S+\s+\S+\s+)?(?:run|images?|containers?)\b|\bcrictl\b|\bdocker\.sock\b|\bcontainerd\.sock\b|\bcrio\.sock\b|\bmount\s+(?:-t\s+\w+\s+)?\/dev\/(?:sd|vd|xvd|nvme)/i,
  },
  persistence: {
    weight: 2,
    text: 'makes itself come back: cron, SSH keys, services, static pods',
    pattern:
      /\bcrontab\b|\/etc\/cron|\/var\/spool\/cron|authorized_keys|\bsystemctl\s+(?:enable|daemon-reload)|\/etc\/systemd\/system|\/etc\/kubernetes\/manifests|\/etc\/ld\.so\.preload|\buseradd\b|\badduser\b[^\n]{0,60}sudo|\/etc\/sudoers|\/etc\/profile\.d|\.bashrc/i,
  },
  evasion: {
    weight: 2,
    text: 'removes traces or switches protection off',
    pattern:
      /\bhistory\s+-c|\bunset\s+HISTFILE|HISTFILE=\/dev\/null|\bsetenforce\s+0|\bsystemctl\s+(?:stop|disable)\s|\biptables\s+(?:-F|--flush|-X)|\bufw\s+disable|\bpkill\b[^\n]{0,40}(?:falco|tetragon|agent|audit)|\brm\s+-\w*f\w*\s+(?:\/var\/log|\/\s|\/\*)|>\s*\/var\/log\/|\bchattr\s+[+-]i|\bkillall\b|\bnohup\b[^\n]{0,80}(?:\.\/|\/tmp\/|\/dev\/shm)|>\s*\/dev\/null\s+2>&1\s*&|\bshred\b/i,
  },
  encoded: {
    weight: 2,
    text: 'unpacks hidden text and runs it',
    pattern:
      /\bbase64\s+(?:-\w*[dD]\w*|--decode)\b[^\n]{0,60}\|\s*(?:\w+\s+)?(?:ba|da|z|a)?(?:sh|python\d?|perl|zcat|gunzip|xxd)\b|\b(?:eval|exec)\b[^\n]{0,40}(?:base64|b64decode|fromhex|atob)|\bb64decode\b[^\n]{0,40}\)|\bxxd\s+-r|\bopenssl\s+(?:enc|base64)\s+-d|\bpython[\d.]*\s+-c\s+["'][^\n]{0,40}(?:exec|__import__)|\\x[0-9a-f]{2}\\x[0-9a-f]{2}\\x[0-9a-f]{2}/i,
  },
  base64: { weight: 0.5, text: 'decodes base64', pattern: /\bbase64\s+(?:-\w*[dD]|--decode)/ },
  scratch_program: {
    weight: 2,
    text: 'runs a program from a scratch directory',
    pattern:
      /(?:^|[;&|(\n]|\b(?:nohup|exec|sh|bash|sudo)\s)\s*(?:\/tmp|\/dev\/shm|\/var\/tmp)\/[.\w-]+|cd\s+\/(?:tmp|dev\/shm|var\/tmp)\b[\s\S]{0,200}\s\.\//,
  },
  scanner: {
    weight: 2.5,
    text: 'scans or attacks a network or cluster',
    pattern:
      /\b(?:nmap|masscan|zmap|zgrab2?|kube-hunter|peirates|kubeletctl|deepce|linpeas|amicontained|botb|cdk|metasploit|msfconsole|msfvenom|meterpreter|hydra|sqlmap|nikto|gobuster|ffuf|responder|bettercap|arpspoof|ettercap|tcpdump|dnsspoof|mitmproxy|chisel|ligolo|sliver|empire|frpc|proxychains|gsocket|gs-netcat|merlin|mythic|cobaltstrike)\b/i,
  },
  cluster_write: {
    weight: 1,
    text: 'changes the cluster with kubectl or by the API',
    pattern:
      /\bkubectl\b[^\n]{0,120}\b(?:create|apply|exec|cp|run|debug|patch|edit|delete|replace|drain|taint|label|annotate|scale|certificate|proxy|port-forward)\b|\bcurl\b[^\n]{0,200}-X\s*(?:POST|PUT|PATCH|DELETE)[^\n]{0,200}(?:kubernetes|\/api(?:s)?\/)/i,
  },
  cluster_grant: {
    weight: 3,
    text: 'grants rights in the cluster or reads its secrets',
    pattern:
      /\bkubectl\b[^\n]{0,120}\b(?:create\s+(?:cluster)?rolebinding|get\s+secrets?\b|create\s+token|auth\s+reconcile|certificate\s+approve|get\s+--raw)|\bclusterrole=cluster-admin\b|\/api\/v1\/(?:namespaces\/[^/\s]+\/)?secrets\b|\bsystem:masters\b/i,
  },
  insecure_flag: {
    weight: 2,
    text: 'switches protection of a component off by a flag',
    pattern:
      /--(?:enable-skip-login|disable-settings-authorizer|enable-insecure-login|insecure-bind-address|anonymous-auth(?:=true)?(?!=false)(?=[\s"',]|$)|authorization-mode=\S*AlwaysAllow|insecure-port=[1-9]|token-auth-file|basic-auth-file|kubelet-https=false|use-service-account-credentials=false|profiling=true|read-only-port=[1-9]|allow-privileged=true|enable-admission-plugins=\S*AlwaysAdmit|disable-admission-plugins|client-cert-auth=false|peer-client-cert-auth=false|auto-tls=true|peer-auto-tls=true|service-account-lookup=false|protect-kernel-defaults=false|make-iptables-util-chains=false|rotate-certificates=false|address=0\.0\.0\.0|bind-address=0\.0\.0\.0|unauthenticated|no-auth|without-authentication|disable-auth(?:entication)?|insecure-skip-tls-verify|accept-hosts=\S*\.\*|api-server-insecure|tls-verify=false|auth-mode=(?:server|none)?(?=[\s"',]|$)|listen=0\.0\.0\.0:44134)/i,
  },
  install: {
    weight: 0.75,
    text: 'installs packages when it starts',
    pattern:
      /\b(?:apk\s+(?:-\S+\s+)*add|apt(?:-get)?\s+(?:-\S+\s+)*(?:install|update)|yum\s+(?:-\S+\s+)*install|dnf\s+install|pip3?\s+install|npm\s+(?:i|install)\s)/i,
  },
  sleeps: {
    weight: 0.25,
    text: 'only waits, so that somebody can enter it',
    pattern:
      /\b(?:sleep\s+(?:infinity|inf|\d{4,}|\d+[dh])|tail\s+-f\s+\/dev\/null|while\s+(?:true|:|sleep)\b[^\n]{0,40}\bsleep\b)/,
  },
} as const satisfies Record<string, Pattern>

interface Pattern {
  readonly weight: number
  readonly text: string
  readonly pattern: RegExp
  /** Has to be somewhere in the text as well. */
  readonly beside?: RegExp
}

type PatternName = keyof typeof PATTERNS
const PATTERN_ENTRIES = Object.entries(PATTERNS) as [PatternName, Pattern][]

/** What runs, and what only lies in a ConfigMap until something runs it: the second weighs half. */
type Scope = 'command' | 'file'
type CommandFeature = `${Scope}.${PatternName}` | 'command.shell' | 'command.grade' | 'file.grade'

/** What commands and scripts do. */
export const COMMAND_FEATURES = {
  ...scoped('command', 1),
  ...scoped('file', 0.5),
  'command.shell': { unit: 'flag', weight: 0, text: 'runs a shell script of its own' },
  'command.grade': { unit: 'grade', weight: 0.25, text: 'has a dangerous command' },
  'file.grade': { unit: 'grade', weight: 0.25, text: 'has a file with a dangerous command' },
} as Readonly<Record<CommandFeature, FeatureSpec>>

function scoped(scope: Scope, share: number): Record<string, FeatureSpec> {
  const place = scope === 'command' ? '' : ' (a file of its configuration)'
  return Object.fromEntries(
    PATTERN_ENTRIES.map(([name, { weight, text }]) => [
      `${scope}.${name}`,
      { unit: 'flag', weight: weight * share, text: `${text}${place}` } satisfies FeatureSpec,
    ]),
  )
}

type CommandNote = Note<CommandFeature>
const SHELL =
  /^(?:\/(?:usr\/)?bin\/)?(?:env|(?:ba|da|a|z|k)?sh|busybox|python[\d.]*|perl|ruby|node|pwsh|powershell(?:\.exe)?)$/

/** Notes what the containers of an object run, and what scripts its ConfigMap holds. */
export function noteCommands(object: JsonObject, { containers }: Places, note: CommandNote): void {
  for (const { path, container } of containers) noteContainerCommands(container, path, note)
  if (object.kind === 'ConfigMap' && isJsonObject(object.data)) {
    for (const [key, value] of Object.entries(object.data)) {
      if (typeof value === 'string') noteText('file', value, `/data/${segment(key)}`, note)
    }
  }
}

function noteContainerCommands(container: JsonObject, path: string, note: CommandNote): void {
  const command = [...textsOf(container.command), ...textsOf(container.args)]
  if (command.length > 0) {
    const at = `${path}/${Array.isArray(container.command) ? 'command' : 'args'}`
    if (SHELL.test(command[0] ?? '') && command.length > 1) note('command.shell', 1, at)
    noteText('command', command.join(' '), at, note)
  }
  // Of a script template of Argo Workflows the text is in `source`.
  for (const member of ['script', 'source'] as const) {
    const script = textOr(container[member])
    if (script === '') continue
    note('command.shell', 1, `${path}/${member}`)
    noteText('command', script, `${path}/${member}`, note)
  }
  for (const [member, hook] of hooksOf(container)) {
    const run = textsOf(objectOr(objectOr(hook).exec).command)
    if (run.length > 0) noteText('command', run.join(' '), `${path}/${member}/exec/command`, note)
  }
  noteEnvironment(container, path, note)
}

/** One search over all values, and a second one only where something was found, to say in which. */
function noteEnvironment(container: JsonObject, path: string, note: CommandNote): void {
  const values = objectsAt(container.env, `${path}/env`)
    .map(({ item, path: at }) => ({ value: textOr(item.value), path: `${at}/value` }))
    .filter(({ value }) => value.length > 8)
  if (values.length === 0) return
  const names: string[] = []
  noteText('command', values.map(({ value }) => value).join('\n'), `${path}/env`, name => names.push(name))
  if (names.length > 0) for (const { value, path: at } of values) noteText('command', value, at, note)
}

function hooksOf(container: JsonObject): readonly (readonly [string, Json | undefined])[] {
  const lifecycle = objectOr(container.lifecycle)
  return [
    ['lifecycle/postStart', lifecycle.postStart],
    ['lifecycle/preStop', lifecycle.preStop],
    ['livenessProbe', container.livenessProbe],
    ['readinessProbe', container.readinessProbe],
    ['startupProbe', container.startupProbe],
  ]
}

function noteText(scope: Scope, text: string, path: string, note: CommandNote): void {
  const plain = unquoted(text)
  let grade = 0
  for (const [name, { pattern, beside, weight }] of PATTERN_ENTRIES) {
    if (!pattern.test(plain) || beside?.test(plain) === false) continue
    note(`${scope}.${name}`, 1, path)
    grade = Math.max(grade, weight)
  }
  note(`${scope}.grade`, grade, path)
}

const BASE64 = /[A-Za-z0-9+/]{24,}={0,2}/g
/** Text that is hidden in text; deeper nesting is what `encoded` is for. */
const MAX_DECODED = 16

/** The text as a shell reads it: `c""url` is curl, a line may go on in the next, and base64 is what it stands for. */
function unquoted(text: string): string {
  // Runs of white space would make the patterns slow, and blind behind their bounds.
  let plain = text.replaceAll(/[ \t\r\f\v]+/g, ' ').replaceAll(/\n[\n ]*/g, '\n')
  if (plain.includes('\\\n')) plain = plain.replaceAll('\\\n', ' ')
  if (plain.includes('""') || plain.includes("''")) plain += `\n${plain.replaceAll('""', '').replaceAll("''", '')}`
  if (plain.includes('${IFS}') || plain.includes('$IFS')) plain += `\n${plain.replaceAll(/\$\{?IFS\}?/g, ' ')}`
  let found = 0
  for (const [encoded] of plain.matchAll(BASE64)) {
    const decoded = Buffer.from(encoded, 'base64').toString('latin1')
    if (/^[\t\n\r -~]+$/.test(decoded)) {
      plain += `\n${decoded}`
      if ((found += 1) === MAX_DECODED) break
    }
  }
  return plain
}
