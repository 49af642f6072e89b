import { readdirSync, readFileSync } from 'node:fs'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { splitDocuments } from '../../../src/document.js'
import { ERROR_CODES, GateError } from '../../../src/errors.js'
import { isJsonObject, parseJson, stringifyJson, type Json } from '../../../src/json.js'
import { decodeUtf8, readManifests, type ManifestLimits } from '../../../src/manifest.js'
import { TextFault } from '../../../src/text-fault.js'
import { readYaml } from '../../../src/yaml/yaml.js'
import { ROOT } from '../../helpers/repository.js'

const FIXTURES = join(ROOT, 'test/fixtures/yaml')
const LIMITS = { maxDepth: 500, maxExpandedNodes: 400_000, maxExpandedCharacters: 1 << 24 }

/** What a text gives, as lines of text: `line/document[item] kind name`, or an error's code and message. */
function summary(text: string, file = 'f.yaml', limits: Partial<ManifestLimits> = {}): string[] {
  return [...readManifests(text, file, limits)].map(each => {
    if (each instanceof GateError) {
      assert.equal(each.position.file, file)
      return `${each.position.line}/${each.position.document} ${each.code} ${each.message}`
    }
    const { object, source, item } = each
    assert.equal(source.file, file)
    const index = item === null ? '' : `[${item}]`
    return `${source.line}/${source.document}${index} ${object.apiVersion} ${object.kind} ${stringifyJson(object.metadata)}`
  })
}

const manifest = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`
const found = (at: string, name: string): string => `${at} v1 ConfigMap {"name":"${name}"}`

interface Reading {
  readonly json?: string
  readonly error?: string
  readonly strict?: string
}
const readFixture = (name: string): unknown => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'))
const CASES = readFixture('cases.json') as Record<string, string>
const EXPECTED = readFixture('expected.json') as Record<string, Reading>

/** Where Go reads something and we refuse, each with its reason. */
const REFUSED: Record<string, [code: string, reason: string]> = {
  'a float that underflows': ['MANIFEST_NUMBER', 'Go makes 0 of it'],
  'a number and its text as keys': ['MANIFEST_DUPLICATE_KEY', 'one of the two is lost at random'],
  'a boolean and its text as keys': ['MANIFEST_DUPLICATE_KEY', 'one of the two is lost at random'],
  'explicit !!binary that is not text': ['MANIFEST_ENCODING', 'Go puts U+FFFD for the bytes'],
  'a next line character in plain text': ['MANIFEST_SYNTAX', 'a line break that no editor shows could hide text'],
  'a line separator in plain text': ['MANIFEST_SYNTAX', 'a line break that no editor shows could hide text'],
  'a line separator that ends a comment': ['MANIFEST_SYNTAX', 'a line break that no editor shows could hide text'],
  'a line separator in double quotes': ['MANIFEST_SYNTAX', 'a line break that no editor shows could hide text'],
  'a block with a hash at the end': ['MANIFEST_SYNTAX', 'not YAML; js-yaml refuses it'],
  'a block at column 0': ['MANIFEST_SYNTAX', 'no object; Go reads nothing of it'],
  'flow with a colon before a comma': ['MANIFEST_SYNTAX', 'Go and YAML 1.2 mean different things by it'],
  'flow with a colon before a brace': ['MANIFEST_SYNTAX', 'Go and YAML 1.2 mean different things by it'],
  'flow with text behind a question mark': ['MANIFEST_SYNTAX', 'Go and YAML 1.2 mean different things by it'],
  'flow with plain text over lines at column 0': ['MANIFEST_SYNTAX', 'js-yaml refuses it'],
  'an escaped line break before an empty line': ['MANIFEST_SYNTAX', 'js-yaml drops the empty line'],
  'a tagged key with a colon before a brace': ['MANIFEST_SYNTAX', 'Go and YAML 1.2 mean different things by it'],
  'an anchor with a colon': ['MANIFEST_SYNTAX', 'Go and YAML 1.2 mean different things by it'],
  'a tag on the line before a block': ['MANIFEST_SYNTAX', 'js-yaml forgets the tag'],
  'properties of an empty value over lines': ['MANIFEST_SYNTAX', 'js-yaml takes the tag of the next key for it'],
}

/** Where Go refuses and we read: nothing gets past a gate by that, since it is judged as it stands. */
const READ: Record<string, [json: string, reason: string]> = {
  'a key that is too long': [`{"${'k'.repeat(1100)}":1}`, 'the bound of 1024 is the scanner’s'],
  'a block with a tab': [String.raw`{"a":"\tone\ntwo\t\n"}`, 'Go cannot tell text from indentation'],
  'a mapping on the line of the marker': ['{"a":1}', 'YAML 1.2 has no objection but style'],
  'a newer version directive': ['{"a":true}', 'other tools write %YAML 1.2'],
  'a directive of nobody': ['{"a":1}', 'YAML says to ignore it'],
  'a line of tabs': ['{"a":1,"b":2}', 'no indentation is meant'],
  'a line of tabs and a comment': ['{"a":1,"b":2}', 'no indentation is meant'],
  'flow with a question mark in its text': ['{"a":["b?","http://c/?d"]}', 'YAML 1.2 allows it'],
  'properties before a key': ['{"a":{"b":1}}', 'YAML 1.2 has no objection but style'],
}

/** Where the strict decoder refuses keys that a merge key has brought, and the lenient one, which clients use, goes on. */
const MERGED = [
  'a merge key overridden below',
  'a merge key below wins',
  'a merge of several',
  'two merge keys',
  'anchors in pod templates',
]

/** Where Go rounds and we keep every digit. */
const KEPT: Record<string, string> = {
  'a number beyond uint64': '{"a":18446744073709551616}',
  'a number below int64': '{"a":-9223372036854775809}',
  'a float with more digits than a double has': '{"a":0.1000000000000000055511151231257827}',
  'a large float': '{"a":[1e20,1e21,1e22,123456789.123456789]}',
  'explicit !!float on an integer no double has': '{"a":9007199254740993}',
}

function reading(text: string): { value: Json } | { code: string } {
  const [document] = splitDocuments(text)
  if (document === undefined) return { value: null }
  try {
    return { value: readYaml(document.text, document.line, LIMITS).value }
  } catch (error) {
    assert.ok(error instanceof TextFault)
    return { code: error.code }
  }
}

/** A value in one spelling: keys in order, numbers by their text. */
function textOf(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  if (!isJsonObject(value)) return stringifyJson(value)
  const members = Object.keys(value).sort()
  return `{${members.map(key => `${JSON.stringify(key)}:${textOf(value[key] ?? null)}`).join(',')}}`
}

t.test('YAML is read as the decoder of Kubernetes reads it', t => {
  t.strictSame(Object.keys(EXPECTED).sort(), Object.keys(CASES).sort(), 'the recording is of these cases')
  const exceptions = [...Object.keys(REFUSED), ...Object.keys(READ), ...MERGED, ...Object.keys(KEPT)]
  t.strictSame(
    exceptions.filter(name => CASES[name] === undefined),
    [],
    'every exception is a case',
  )
  for (const [name, text] of Object.entries(CASES)) {
    const { json = '', error, strict } = EXPECTED[name] ?? {}
    const got = reading(text)
    const refused = REFUSED[name]
    const read = READ[name]
    if (refused !== undefined) {
      t.ok(error === undefined, `Go reads: ${name}`)
      t.strictSame(got, { code: refused[0] }, `${name} (refused: ${refused[1]})`)
    } else if (read !== undefined) {
      t.ok(error !== undefined, `Go refuses: ${name}`)
      t.strictSame(got, { value: parseJson(read[0]) }, `${name} (read: ${read[1]})`)
    } else if (error !== undefined) {
      t.ok('code' in got, `${name}: ${error}`)
    } else if (strict !== undefined && !MERGED.includes(name)) {
      t.strictSame(got, { code: 'MANIFEST_DUPLICATE_KEY' }, `${name}: ${strict}`)
    } else {
      t.equal(textOf(got), textOf({ value: parseJson(KEPT[name] ?? json) }), name)
    }
  }
  t.end()
})

t.test('a stream is split at its markers, with exact lines and documents', t => {
  const a = manifest('a')
  const cases: Record<string, [text: string, expected: string[]]> = {
    'one document': [a, [found('1/1', 'a')]],
    'a marker first': [`---\n${a}`, [found('2/1', 'a')]],
    'two documents': [`${a}---\n${manifest('b')}`, [found('1/1', 'a'), found('5/2', 'b')]],
    'comments before and in a document': [`# x\n\n---\n# Source: y\n\n${a}`, [found('6/1', 'a')]],
    'a comment behind the marker': [`--- # Source: y\n${a}`, [found('2/1', 'a')]],
    'empty documents count': [
      `---\n---\n# x\n---\n${a}---\n\n---\n${manifest('b')}`,
      [found('5/3', 'a'), found('11/5', 'b')],
    ],
    'a null document is none': [`null\n---\n~\n---\n${a}`, [found('5/3', 'a')]],
    'an end marker': [
      `${a}...\n${manifest('b')}...\n---\n${manifest('c')}...\n`,
      [found('1/1', 'a'), found('5/2', 'b'), found('10/3', 'c')],
    ],
    'content on the line of the marker': [
      '--- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n',
      [found('1/1', 'a')],
    ],
    'directives belong to the document behind them': [
      `%YAML 1.1\n---\n${a}...\n%TAG !e! tag:e,1:\n---\n${manifest('!e!x b')}`,
      [found('3/1', 'a'), found('9/2', 'b')],
    ],
    CRLF: [
      `---\r\n${a.replaceAll('\n', '\r\n')}---\r\n${manifest('b').replaceAll('\n', '\r\n')}`,
      [found('2/1', 'a'), found('6/2', 'b')],
    ],
    'a byte order mark': [`\ufeff---\n${a}`, [found('2/1', 'a')]],
    'a marker with a tab behind it': [`---\t\n${a}`, [found('2/1', 'a')]],
    'dashes that are no marker': [`${a}data:\n  a: |\n    ---\n  b: x\n   ---\n`, [found('1/1', 'a')]],
    nothing: ['', []],
    'only comments': ['# a\n---\n# b\n', []],
    'only white space': [' \n\n\t\n', []],
    'a broken document loses no other': [
      `${a}---\na: [\n---\n${manifest('b')}---\na: "x\n---\n${manifest('c')}`,
      [
        found('1/1', 'a'),
        '5/2 MANIFEST_SYNTAX f.yaml:5: this is not YAML: unexpected end of the stream within a flow collection',
        found('7/3', 'b'),
        '11/4 MANIFEST_SYNTAX f.yaml:11: this is not YAML: unexpected end of the stream within a double quoted scalar',
        found('13/5', 'c'),
      ],
    ],
    'a line in a document': [
      `---\n# x\n${a}data:\n  a: 1\n\n  b: 2\n  a: 3\n`,
      ['10/1 MANIFEST_DUPLICATE_KEY f.yaml:10: the key "a" appears twice in one mapping (first on line 7)'],
    ],
    'a template': [
      'a: {{ .Values.b }}\nc: 1\n',
      ['1/1 MANIFEST_SYNTAX f.yaml:1: a key has to be a text, not a sequence or a mapping'],
    ],
    'a template that is not YAML': [
      '{{- if .a }}\nb: 1\n',
      [
        '1/1 MANIFEST_SYNTAX f.yaml:1: this is not YAML: missed comma between flow collection entries (a template? render the chart first)',
      ],
    ],
  }
  for (const [name, [text, expected]] of Object.entries(cases)) t.strictSame(summary(text), expected, name)
  t.end()
})

t.test('JSON is read as JSON first, one value after another', t => {
  const a = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}'
  const b = a.replace('"a"', '"b"')
  const cases: Record<string, [text: string, expected: string[]]> = {
    'one value': [a, [found('1/1', 'a')]],
    'values without anything between': [a + b, [found('1/1', 'a'), found('1/2', 'b')]],
    'a value on each line': [`\n${a}\n\n${b}\n`, [found('2/1', 'a'), found('4/2', 'b')]],
    'documents with several values': [
      `${a}${b}\n---\n${a}\n---\n${manifest('c')}`,
      [found('1/1', 'a'), found('1/2', 'b'), found('3/3', 'a'), found('5/4', 'c')],
    ],
    tabs: ['{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "a"}\n}', [found('1/1', 'a')]],
    'flow YAML': ['{apiVersion: v1, kind: ConfigMap, metadata: {name: a}} # x\n', [found('1/1', 'a')]],
    'JSON with a comment behind it': [`${a} # x\n`, [found('1/1', 'a')]],
    'a faulty value': [
      `${a}\n{"a":1,\n"a":2}\n${b}`,
      [
        found('1/1', 'a'),
        '3/2 MANIFEST_DUPLICATE_KEY f.yaml:3: the key "a" appears twice in one object',
        found('4/3', 'b'),
      ],
    ],
    'a broken value': [
      `${a}\n{"a":}\n`,
      [found('1/1', 'a'), '2/2 MANIFEST_SYNTAX f.yaml:2: there is "}" where JSON needs a value'],
    ],
    'a number out of range': [
      '{"a":1e400}',
      ['1/1 MANIFEST_NUMBER f.yaml:1: the number "1e400" is out of range; write it as a string'],
    ],
    'an array': [
      '[1]',
      [
        '1/1 MANIFEST_INVALID f.yaml:1: the document is a sequence; a Kubernetes object is a mapping with apiVersion, kind and metadata',
      ],
    ],
  }
  for (const [name, [text, expected]] of Object.entries(cases)) t.strictSame(summary(text), expected, name)
  t.strictSame(
    summary('{"a": 1,}\n{"b": }', 'f.json'),
    ['1/1 MANIFEST_SYNTAX f.json:1: there is "}" where JSON needs a key in double quotes'],
    'a .json file was meant to be JSON',
  )
  t.end()
})

t.test('what is not a Kubernetes object is said in words', t => {
  const needed = 'a Kubernetes object is a mapping with apiVersion, kind and metadata'
  const cases: Record<string, string> = {
    'foo\n': `the document is a string; ${needed}`,
    '12\n': `the document is a number; ${needed}`,
    '12345678901234567890\n': `the document is a number; ${needed}`,
    '- a\n': `the document is a sequence; ${needed}`,
    '{}\n': `the document has no apiVersion and no kind; ${needed}`,
    'replicas: 1\nkind: A\n': `the document has no apiVersion; ${needed}`,
    'apiVersion: v1\nkind:\n': `the document has no kind; ${needed}`,
    'apiVersion: v1\nkind: ""\n': 'the document has a kind that is not a text, such as "Deployment"',
    'apiVersion: v1\nkind: yes\n': 'the document has a kind that is not a text, such as "Deployment"',
    'apiVersion: 1\nkind: A\n': 'the document has an apiVersion that is not a text, such as "apps/v1"',
    'apiVersion: v1\nkind: A\nmetadata: a\n':
      'the document (A) has metadata that is a string, not a mapping with name, namespace, labels and so on',
    'apiVersion: v1\nkind: List\n': 'List has items that are no sequence of objects',
    'apiVersion: v1\nkind: List\nitems: {a: 1}\n': 'List has items that are no sequence of objects',
  }
  for (const [text, message] of Object.entries(cases)) {
    t.strictSame(summary(text), [`1/1 MANIFEST_INVALID f.yaml:1: ${message}`], JSON.stringify(text))
  }
  t.strictSame(summary('apiVersion: v1\nkind: A\nmetadata:\n'), ['1/1 v1 A {}'], 'missing metadata is made')
  t.strictSame(summary('apiVersion: v1\nkind: A\n'), ['1/1 v1 A {}'])
  t.end()
})

t.test('the items of Lists are objects of their own', t => {
  const yaml = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a}
# x
-
  # y
  {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
- kind: ConfigMap
- null
- apiVersion: v1
  kind: ConfigMapList
  items:
  - metadata: {name: c}
  - apiVersion: v2
    metadata: {name: d}
`
  const needed = 'a Kubernetes object is a mapping with apiVersion, kind and metadata'
  t.strictSame(summary(yaml), [
    found('4/1[0]', 'a'),
    found('10/1[1]', 'b'),
    `11/1 MANIFEST_INVALID f.yaml:11: item 2 of the List has no apiVersion; ${needed}`,
    `1/1 MANIFEST_INVALID f.yaml:1: item 3 of the List is empty; ${needed}`,
    found('16/1[0]', 'c'),
    `17/1 MANIFEST_INVALID f.yaml:17: item 1 of the ConfigMapList has no kind; ${needed}`,
  ])
  const json =
    '{"apiVersion":"v1","kind":"PodList","items":[\n{"metadata":{"name":"a",\n"x":[{}]}},\n\n{"kind":"A","apiVersion":"b"}\n]}'
  t.strictSame(summary(json), ['2/1[0] v1 Pod {"name":"a","x":[{}]}', '5/1[1] b A {}'])
  t.strictSame(summary('{apiVersion: v1, kind: List, items: []}'), [])
  t.strictSame(summary('{apiVersion: v1, kind: List, items: }'), [])
  t.strictSame(summary('{apiVersion: v1, kind: PodList, items: }'), [], 'as the API server itself writes an empty one')
  t.strictSame(summary('{apiVersion: e/v1, kind: AllowList, items: , spec: {}}'), ['1/1 e/v1 AllowList {}'])
  t.strictSame(
    summary('{apiVersion: e/v1, kind: AllowList, items: [a]}'),
    ['1/1 e/v1 AllowList {}'],
    'no list of objects',
  )
  t.strictSame(summary('{apiVersion: e/v1, kind: AllowList, spec: {}}'), ['1/1 e/v1 AllowList {}'])
  const nested = (depth: number): string =>
    depth === 0 ? '1' : `{apiVersion: v1, kind: List, items: [${nested(depth - 1)}]}`
  t.strictSame(summary(nested(10)), ['1/1 MANIFEST_TOO_DEEP f.yaml:1: item 0 of the List is a List inside of 8 others'])
  const many = `apiVersion: v1\nkind: List\nitems:\n${Array.from({ length: 10_000 }, (_, i) => `- {apiVersion: v1, kind: A, metadata: {name: a${i}}}\n`).join('')}`
  const read = summary(many)
  t.equal(read.length, 10_000)
  t.equal(read.at(-1), '10003/1[9999] v1 A {"name":"a9999"}')
  t.end()
})

t.test('a manifest has its own text and shares nothing', t => {
  const text = `# head\n---\n# a\n${manifest('a')}---  # b\n${manifest('b')}\n# tail\n--- {apiVersion: v1, kind: A}\n...\n{"apiVersion":"v1","kind":"A"} {"apiVersion":"v1","kind":"B"}\n`
  t.strictSame(
    [...readManifests(text, 'f')].map(each => (each instanceof GateError ? each.message : each.text)),
    [
      `# a\n${manifest('a')}`,
      `  # b\n${manifest('b')}\n# tail\n`,
      ' {apiVersion: v1, kind: A}\n',
      '{"apiVersion":"v1","kind":"A"}',
      '{"apiVersion":"v1","kind":"B"}',
    ],
  )
  const [shared] = [...readManifests('apiVersion: v1\nkind: A\na: &a {b: {}}\nc: *a\nd: {<<: *a}\n', 'f')]
  assert.ok(shared !== undefined && !(shared instanceof GateError))
  const { a, c, d } = shared.object as unknown as Record<string, { b: object }>
  t.strictSame([c?.b, d?.b], [a?.b, a?.b])
  t.ok(a !== c && a?.b !== c?.b && a?.b !== d?.b)
  t.equal('constructor' in shared.object, false)
  t.end()
})

t.test('what could exhaust us is bounded', t => {
  const code = (text: string, limits: Partial<ManifestLimits> = {}): string[] =>
    summary(text, 'f.yaml', limits).map(each => each.split(' ')[1] ?? '')
  const head = 'apiVersion: v1\nkind: A\n'
  t.strictSame(code(`${head}a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`), ['MANIFEST_TOO_DEEP'])
  t.strictSame(code('['.repeat(1_000_000)), ['MANIFEST_TOO_DEEP'])
  t.strictSame(code('{a: '.repeat(10_000)), ['MANIFEST_TOO_DEEP'])
  t.strictSame(code(`${'- '.repeat(10_000)}a`), ['MANIFEST_TOO_DEEP'])
  t.strictSame(code(`${'? '.repeat(10_000)}a`), ['MANIFEST_TOO_DEEP'])
  t.strictSame(code(`${head}a: {b: [{}]}\n`, { maxDepth: 4 }), ['v1'])
  t.strictSame(code(`${head}a: {b: [{}]}\n`, { maxDepth: 3 }), ['MANIFEST_TOO_DEEP'])
  t.strictSame(
    code(`${head}a: ${'['.repeat(9000)}${']'.repeat(9000)}`, { maxDepth: 1e6 }),
    ['MANIFEST_TOO_DEEP'],
    'beyond the stack',
  )
  t.strictSame(code(`${head}b: &b [[]]\na: [*b]\n`, { maxDepth: 3 }), ['MANIFEST_TOO_DEEP'], 'aliases add depth')
  t.strictSame(code(readFileSync(join(FIXTURES, 'fuzz/billion-laughs.yaml'), 'utf8')), ['MANIFEST_EXPANSION'])
  t.strictSame(code(readFileSync(join(FIXTURES, 'fuzz/merge-laughs.yaml'), 'utf8')), ['MANIFEST_EXPANSION'])
  t.strictSame(code(`${head}a: &a ${'x'.repeat(1e6)}\nb: [${'*a, '.repeat(20)}]\n`), ['MANIFEST_EXPANSION'])
  t.strictSame(code(`${head}a: &a [1, 2]\nb: [*a, *a]\n`, { maxExpandedNodes: 6 }), ['v1'])
  t.strictSame(code(`${head}a: &a [1, 2]\nb: [*a, *a]\n`, { maxExpandedNodes: 5 }), ['MANIFEST_EXPANSION'])
  t.strictSame(code(`${head}a: &a\n  b: *a\n`), ['MANIFEST_EXPANSION'])
  t.strictSame(code(`${head}a: &a\n  <<: *a\n`), ['MANIFEST_EXPANSION'])
  const large = `${head}a: "${'é'.repeat(50)}"\n`
  t.strictSame(code(large, { maxDocumentBytes: 200 }), ['v1'])
  t.strictSame(
    code(`${large}---\n${head}`, { maxDocumentBytes: 100 }),
    ['MANIFEST_TOO_LARGE', 'v1'],
    'bytes, not characters',
  )
  t.strictSame(summary(`${head}a: "${'x'.repeat(50e6)}"\n`), [
    '1/1 MANIFEST_TOO_LARGE f.yaml:1: the document is larger than 16.0 MiB; split it',
  ])
  const quotes = (count: number): string => `${head}a: "${"\\'".repeat(count)}"\n`
  t.strictSame(code(quotes(50)), ['v1'])
  t.strictSame(code(quotes(51)), ['MANIFEST_SYNTAX'])
  t.end()
})

t.test('keys of prototypes are plain keys', t => {
  const text = 'apiVersion: v1\nkind: A\n__proto__: {polluted: true}\nconstructor: 1\nmetadata:\n  __proto__: {a: 1}\n'
  for (const each of [text, stringifyJson(reading(text)).replace(/^\{"value":(.*)\}$/, '$1')]) {
    const [read] = [...readManifests(each, 'f')]
    assert.ok(read !== undefined && !(read instanceof GateError))
    t.strictSame(Object.keys(read.object).sort(), ['__proto__', 'apiVersion', 'constructor', 'kind', 'metadata'])
    t.strictSame(Object.keys(read.object.metadata), ['__proto__'])
  }
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.end()
})

t.test('bytes have to be UTF-8 text', t => {
  const decode = (...bytes: number[]): string => {
    try {
      return decodeUtf8(Uint8Array.from(bytes), 'f')
    } catch (error) {
      assert.ok(error instanceof GateError)
      assert.equal(error.code, 'MANIFEST_ENCODING')
      return `${error.position.line}: ${error.message}`
    }
  }
  t.equal(decode(), '')
  t.equal(decode(0xef, 0xbb, 0xbf, 97), 'a')
  t.equal(decode(0xf0, 0x9f, 0x98, 0x80, 10), '😀\n')
  t.equal(decode(0xff, 0xfe, 97, 0), '1: f:1: the file is UTF-16; save it as UTF-8')
  t.equal(decode(0xfe, 0xff, 0, 97), '1: f:1: the file is UTF-16; save it as UTF-8')
  t.equal(decode(97, 0), '1: f:1: the file has NUL bytes: it is binary (or UTF-16), not a text in UTF-8')
  const broken = 'the bytes of this line are not UTF-8; save the file as UTF-8'
  t.equal(decode(97, 10, 98, 10, 0xfc, 10, 97), `3: f:3: ${broken}`)
  t.equal(decode(97, 10, 0xe2, 0x82), `2: f:2: ${broken}`)
  t.equal(decode(0xed, 0xa0, 0x80), `1: f:1: ${broken}`, 'a surrogate')
  t.equal(decode(0xc0, 0x80), `1: f:1: ${broken}`, 'an overlong NUL')
  t.end()
})

/** Characters beyond 16 bits have escapes in JSON, in two halves, that Go's YAML refuses. */
const names = fc.oneof(
  fc.string({ unit: 'binary' }).map(each => each.replace(/[\ud800-\udfff]/g, '?')),
  fc.constantFrom('__proto__', 'yes', '1', '<<', '~', ''),
)
const { json } = fc.letrec<{ json: unknown }>(tie => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      fc.constantFrom(null, true, false),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(n => n + 0),
      names,
    ),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(names, tie('json'), { maxKeys: 4 }),
  ),
}))

t.test('YAML that is JSON means the same', t => {
  fc.assert(
    fc.property(fc.dictionary(names, json, { maxKeys: 5 }), fc.nat(3), (object, indent) => {
      // What Go's YAML refuses as a character has an escape in JSON.
      const escape = (each: string): string => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`
      const text = JSON.stringify(object, null, indent).replace(/[^\n\x20-\x7e]/g, escape)
      const expected = parseJson(text)
      assert.deepEqual(reading(`# not JSON\n${text}\n`), { value: expected })
      const [read] = [...readManifests(text, 'f')]
      if (object.apiVersion === undefined) assert.ok(read instanceof GateError && read.code === 'MANIFEST_INVALID')
    }),
    { numRuns: 300 },
  )
  t.end()
})

/** Reads to the end; anything thrown, or an error without code or place, fails. */
function readAll(text: string): void {
  const lines = text.split(/\r\n|\n|\r/).length
  for (const each of readManifests(text, 'f.yaml')) {
    if (each instanceof GateError) {
      assert.ok(each.code in ERROR_CODES && each.code !== 'INTERNAL')
      const { line = 0, document = 0 } = each.position
      assert.ok(line >= 1 && line <= lines && document >= 1, `line ${line} of ${lines}`)
      assert.ok(each.message.startsWith(`f.yaml:${line}: `))
    } else {
      assert.ok(each.source.line >= 1 && each.source.line <= lines)
      assert.deepEqual(parseJson(stringifyJson(each.object)), each.object)
    }
  }
}

t.test('no input makes reading end in anything but manifests and GateErrors', t => {
  const files = readdirSync(join(FIXTURES, 'fuzz')).sort()
  const texts: string[] = Object.values(CASES)
  for (const file of files) {
    const bytes = readFileSync(join(FIXTURES, 'fuzz', file))
    try {
      texts.push(decodeUtf8(bytes, file))
    } catch (error) {
      t.match(file, /^(binary|latin1|utf16)\./)
      t.match(error, { code: 'MANIFEST_ENCODING' })
    }
  }
  for (const text of texts) readAll(text)
  const small = texts.filter(text => text.length < 2000)
  const pieces = fc.constantFrom(
    ...[
      '\n',
      '\n  ',
      '- ',
      ': ',
      '? ',
      '#',
      ', ',
      '[',
      ']',
      '{',
      '}',
      '&x ',
      '*x',
      '!',
      '!!str ',
      '|',
      '>-',
      '"',
      "'",
      '\\',
      '\t',
      '<<: ',
      '---\n',
      '...\n',
      '%',
      '\r',
      '\u2028',
      '\ud800',
    ],
  )
  const mutated = fc
    .tuple(fc.constantFrom(...small), fc.array(fc.tuple(fc.nat(), pieces, fc.nat(3)), { minLength: 1, maxLength: 4 }))
    .map(([text, edits]) =>
      edits.reduce((before, [at, piece, remove]) => {
        const place = at % (before.length + 1)
        return before.slice(0, place) + piece + before.slice(place + remove)
      }, text),
    )
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.string({ unit: 'binary' }),
        fc.array(pieces).map(each => each.join('')),
      ),
      readAll,
    ),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      let text: string
      try {
        text = decodeUtf8(bytes, 'f')
      } catch (error) {
        assert.ok(error instanceof GateError && error.code === 'MANIFEST_ENCODING')
        return
      }
      readAll(text)
    }),
    { numRuns: 500 },
  )
  t.end()
})
