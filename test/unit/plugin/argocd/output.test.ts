import fc from 'fast-check'
import yaml from 'js-yaml'
import t from 'tap'
import { serialize } from '../../../../plugin/argocd/output.js'
import { GateError } from '../../../../src/errors.js'
import { NumberText, parseJson, stringifyJson, type Json, type JsonObject } from '../../../../src/json.js'
import { readManifests } from '../../../../src/manifest.js'
import { readYaml } from '../../../../src/yaml/yaml.js'

const LIMITS = { maxDepth: 500, maxExpandedNodes: 400_000, maxExpandedCharacters: 1 << 24 }

/** Reads a line as repo-server does: our own reader follows go-yaml v2 and sigs.k8s.io/yaml. */
const asKubernetesYaml = (line: string): Json => readYaml(line, 1, LIMITS).value

/** What YAML 1.1 in this project's other parser makes of it, an implementation of its own. */
const asYaml11 = (line: string): unknown => yaml.load(line, { schema: yaml.DEFAULT_SCHEMA })

function objectOf(text: string): JsonObject {
  const [first] = [...readManifests(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n${text}`, 'a.yaml')]
  if (first === undefined || first instanceof GateError) throw first ?? new Error('nothing was read')
  return first.object
}

/** How YAML's own readings of a value are written: the text of `data`, and the JSON of it. */
const readings: Record<string, readonly [yaml: string, json: string]> = {
  'words for true and false': ['data: [yes, no, on, off, y, true]', '[true,false,true,false,true,true]'],
  'the same words in quotes': ['data: ["yes", \'no\', "on"]', '["yes","no","on"]'],
  'octal numbers': ['data: [0o17, 017, "0o17"]', '[15,15,"0o17"]'],
  'underscores in numbers': ['data: [1_000, "1_000"]', '[1000,"1_000"]'],
  'base 60, which Kubernetes does not know': ['data: [12:30:45]', '["12:30:45"]'],
  'words for nothing': ['data: [~, null, "", "~"]', '[null,null,"","~"]'],
  'merge keys and anchors': ['base: &b {x: 1}\ndata: {<<: *b, z: 2}', '{"x":1,"z":2}'],
  'a merge key in quotes is a key': ['data: {"<<": {x: 1}}', '{"<<":{"x":1}}'],
  tabs: ['data: "a\\tb"', '"a\\tb"'],
  'the limits of int64': [
    'data: [9223372036854775807, -9223372036854775808]',
    '[9223372036854775807,-9223372036854775808]',
  ],
  'a float out of range is a text': ['data: [1e400]', '["1e400"]'],
  'texts like numbers that are none': ['data: [".nan", ".inf", "NaN", "Infinity"]', '[".nan",".inf","NaN","Infinity"]'],
  'numbers that end with a zero': ['data: [1.50, 1e3, 1.0]', '[1.5,1000,1]'],
  dates: ['data: [2001-12-14, "2001-12-14"]', '["2001-12-14","2001-12-14"]'],
  'characters that only JSON has': [
    'data: "\\x7f\\x85\\u2028\\u2029\\ufeff\\uffff\\x9f"',
    '"\\u007f\\u0085\\u2028\\u2029\\ufeff\\uffff\\u009f"',
  ],
  'characters beyond the first plane': ['data: "\\U0001F600"', '"😀"'],
  'a text with the look of an escape': ['data: "\\\\ud800"', '"\\\\ud800"'],
}

for (const [name, [text, json]] of Object.entries(readings)) {
  t.test(name, t => {
    const object = objectOf(text)
    const line = serialize([object])
    t.match(line, /^\{[^\n]*\}\n$/, 'one line')
    t.ok(line.includes(`"data":${json}`), line)
    for (const read of [parseJson(line), asKubernetesYaml(line)]) t.equal(stringifyJson(read), stringifyJson(object))
    t.end()
  })
}

const refused: Record<string, { object: JsonObject; code: string }> = {
  'an integer beyond 64 bits with digits that would be lost': {
    object: { kind: 'A', data: new NumberText('9223372036854775809') },
    code: 'MANIFEST_NUMBER',
  },
  'an integer below': {
    object: { kind: 'A', data: [new NumberText('-9223372036854775809')] },
    code: 'MANIFEST_NUMBER',
  },
  'a key that YAML would not take for one': {
    object: { kind: 'A', data: { ['k'.repeat(1_023)]: 1 } },
    code: 'MANIFEST_INVALID',
  },
  'half of a character': { object: { kind: 'A', data: '\ud800' }, code: 'MANIFEST_ENCODING' },
  'half of a character in a key': { object: { kind: 'A', ['\udc00']: 1 }, code: 'MANIFEST_ENCODING' },
  'no number': { object: { kind: 'A', data: NaN }, code: 'MANIFEST_NUMBER' },
}

for (const [name, { object, code }] of Object.entries(refused)) {
  t.test(`refused: ${name}`, t => {
    t.throws(() => serialize([object]), { code })
    t.end()
  })
}

t.test('the longest key that every reader takes', t => {
  const line = serialize([{ kind: 'A', data: { ['k'.repeat(1_022)]: 1 } }])
  t.strictSame(asYaml11(line), { kind: 'A', data: { ['k'.repeat(1_022)]: 1 } })
  t.end()
})

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    'yes',
    'no',
    'on',
    '~',
    'null',
    '0o17',
    '1_000',
    '12:30:45',
    '<<',
    '*a',
    '&a',
    '!!int 1',
    '---',
    '...',
    '# x',
    '.nan',
    '1e400',
    '=',
    'a: b',
    '\u0085',
    '\u2028',
    '\t',
  ),
)
const values = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(each => (Object.is(each, -0) ? 0 : each)),
    text,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      text.filter(key => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
})).value

t.test('JSON, the YAML of Kubernetes and YAML 1.1 read the same objects', t => {
  fc.assert(
    fc.property(fc.array(values, { maxLength: 4 }), list => {
      const objects = list.map((data): JsonObject => ({ kind: 'A', data }))
      const lines = serialize(objects).split('\n')
      if (lines.pop() !== '' || lines.length !== objects.length) return false
      return lines.every((line, index) => {
        const wanted = stringifyJson(objects[index] ?? null)
        return (
          stringifyJson(parseJson(line)) === wanted &&
          stringifyJson(asKubernetesYaml(line)) === wanted &&
          JSON.stringify(asYaml11(line)) === wanted
        )
      })
    }),
    { numRuns: 300 },
  )
  t.end()
})
