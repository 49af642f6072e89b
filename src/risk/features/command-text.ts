import { Buffer } from 'node:buffer'
import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import { PATTERNS, type Pattern, type Sequence } from './command-patterns.js'
import type { FeatureSpec, Note } from './feature.js'
import { Parameters } from './parameters.js'
import { objectsAt, segment, textOr, textsOf, type Places } from './places.js'
import { createWordScan } from './word-scan.js'

type PatternName = keyof typeof PATTERNS
const PATTERN_ENTRIES = Object.entries(PATTERNS) as [PatternName, Pattern][]
/** Most texts have no word of any pattern, and the others words of few. */
const wordsIn = createWordScan(
  PATTERN_ENTRIES.flatMap(([, { words }], index) => words.map(word => ({ word, bit: 1 << index }))),
)

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
  const notes = new TextNotes(note)
  const parameters = new Parameters(object)
  for (const { path, container } of containers) noteContainerCommands(container, path, notes, parameters)
  if (object.kind === 'ConfigMap' && isJsonObject(object.data)) {
    for (const [key, value] of Object.entries(object.data)) {
      if (typeof value === 'string') notes.add('file', value, `/data/${segment(key)}`)
    }
  }
}

function noteContainerCommands(container: JsonObject, path: string, notes: TextNotes, parameters: Parameters): void {
  const command = [...commandOf(container.command), ...commandOf(container.args)]
  if (command.length > 0) {
    const at = `${path}/${container.command === undefined ? 'args' : 'command'}`
    const text = command.join(' ')
    if (SHELL.test(command[0] ?? '') && command.length > 1) notes.note('command.shell', 1, at)
    notes.add('command', text, at)
    for (const each of parameters.usedIn(text)) notes.add('command', each.text, each.path)
  }
  // Of a script template of Argo Workflows the text is in `source`.
  for (const member of ['script', 'source'] as const) {
    const script = textOr(container[member])
    if (script === '') continue
    notes.note('command.shell', 1, `${path}/${member}`)
    notes.add('command', script, `${path}/${member}`)
    for (const each of parameters.usedIn(script)) notes.add('command', each.text, each.path)
  }
  for (const [member, hook] of hooksOf(container)) {
    const run = textsOf(objectOr(objectOr(hook).exec).command)
    if (run.length > 0) notes.add('command', run.join(' '), `${path}/${member}/exec/command`)
  }
  noteEnvironment(container, path, notes)
}

/** A list of words, or the one text that a parameter becomes a list from. */
function commandOf(value: Json | undefined): string[] {
  return typeof value === 'string' ? [value] : textsOf(value)
}

/** One search over all values, and a second one only where something was found, to say in which. */
function noteEnvironment(container: JsonObject, path: string, notes: TextNotes): void {
  const { env } = container
  if (!Array.isArray(env)) return
  let all = ''
  for (const item of env) if (isJsonObject(item)) all += environmentLine(item)
  if (all === '' || !notes.finds(all)) return
  for (const { item, path: at } of objectsAt(env, `${path}/env`)) {
    const line = environmentLine(item)
    if (line !== '') notes.add('command', line.slice(0, -1), `${at}/value`)
  }
}

/** A value that could be a command; shorter ones cannot. */
function environmentLine({ value }: JsonObject): string {
  return typeof value === 'string' && value.length > 8 && !SCRATCH_PATH.test(value) ? `${value}\n` : ''
}
/** Where to put something, alone in a value: nothing that runs. */
const SCRATCH_PATH = /^\/(?:tmp|dev\/shm|var\/tmp)\/[\w./-]*$/

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

interface TextFound {
  readonly names: readonly PatternName[]
  readonly grade: number
}
const NOTHING: TextFound = { names: [], grade: 0 }

/** Notes what texts of one object do; containers of one kind have the same texts, which are looked at once. */
class TextNotes {
  readonly note: CommandNote
  readonly #known = new Map<string, TextFound>()

  constructor(note: CommandNote) {
    this.note = note
  }

  add(scope: Scope, text: string, path: string): void {
    const { names, grade } = this.#look(text)
    for (const name of names) this.note(`${scope}.${name}`, 1, path)
    this.note(`${scope}.grade`, grade, path)
  }

  finds(text: string): boolean {
    return this.#look(text).names.length > 0
  }

  #look(text: string): TextFound {
    let found = this.#known.get(text)
    if (found === undefined) this.#known.set(text, (found = look(text)))
    return found
  }
}

function look(text: string): TextFound {
  const plain = unquoted(text)
  const bits = wordsIn(plain)
  if (bits === 0) return NOTHING
  const names: PatternName[] = []
  let grade = 0
  PATTERN_ENTRIES.forEach(([name, { tests, beside, weight }], index) => {
    if ((bits & (1 << index)) === 0 || !holdsAny(tests, plain)) return
    if (beside !== undefined && !holdsAny(beside, plain)) return
    names.push(name)
    grade = Math.max(grade, weight)
  })
  return { names, grade }
}

function holdsAny(tests: readonly (RegExp | Sequence)[], text: string): boolean {
  return tests.some(each => ('first' in each ? holdsSequence(each, text) : each.test(text)))
}

/** Every part between two separators is read twice at most, so that padding neither hides nor costs anything. */
function holdsSequence({ first, then, apart = /\n/g }: Sequence, text: string): boolean {
  for (first.lastIndex = 0; first.test(text);) {
    const start = first.lastIndex
    apart.lastIndex = start
    const end = apart.exec(text)?.index ?? text.length
    if (then.test(text.slice(start, end))) return true
    first.lastIndex = end
  }
  return false
}

const MESSY = /[\t\r\f\v]| {2}/
/** Shorter base64 could be any word. */
const MIN_ENCODED = 24
const BASE64 = /[A-Za-z0-9+/]{24,}={0,2}/g
const IN_BASE64 = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9+/]/.test(String.fromCharCode(code)) ? 1 : 0,
)

/** True where there is something long enough to be base64: a regular expression takes ten times as long to say no. */
function hasRun(text: string): boolean {
  if (text.length < MIN_ENCODED) return false
  let length = 0
  for (let at = 0; at < text.length; at += 1) {
    length = IN_BASE64[text.charCodeAt(at)] === 1 ? length + 1 : 0
    if (length === MIN_ENCODED) return true
  }
  return false
}

/** The text as a shell reads it: `c""url` is curl, a line may go on in the next, and base64 is what it stands for. */
function unquoted(text: string): string {
  // Runs of white space would make the patterns slow, and blind behind their bounds.
  let plain = MESSY.test(text) ? text.replaceAll(/[ \t\r\f\v]+/g, ' ') : text
  if (plain.includes('\n')) plain = plain.replaceAll(/\n[\n ]*/g, '\n')
  if (plain.includes('\\\n')) plain = plain.replaceAll('\\\n', ' ')
  if (plain.includes('""') || plain.includes("''")) plain += `\n${plain.replaceAll('""', '').replaceAll("''", '')}`
  if (plain.includes('${IFS}') || plain.includes('$IFS')) plain += `\n${plain.replaceAll(/\$\{?IFS\}?/g, ' ')}`
  if (!hasRun(plain)) return plain
  const decoded: string[] = []
  for (const [encoded] of plain.matchAll(BASE64)) {
    const bytes = Buffer.from(encoded, 'base64').toString('latin1')
    if (/^[\t\n\r -~]+$/.test(bytes)) decoded.push(bytes)
  }
  return decoded.length === 0 ? plain : [plain, ...decoded].join('\n')
}
