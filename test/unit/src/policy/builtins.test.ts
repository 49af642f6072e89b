import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NumberText } from '../../../../src/json/number-text.js'
import { HOST_BUILTINS } from '../../../../src/policy/builtins/builtins.js'
import { createPolicyHost } from '../../../../src/policy/host.js'
import { PolicyInstance } from '../../../../src/policy/policy-instance.js'
import { isPrintable, quote } from '../../../../src/policy/builtins/quote.js'
import {
  compareRegoValues,
  parseRegoValue,
  RegoObject,
  RegoSet,
  regoText,
  type RegoValue,
} from '../../../../src/policy/builtins/rego-value.js'
import { sprintf } from '../../../../src/policy/builtins/sprintf.js'
import { ROOT } from '../../../helpers/repository.js'

/** A call as test/fixtures/builtins/record.mjs recorded it; operands are in Rego's notation, null is undefined. */
interface RecordedCall {
  readonly operands: readonly string[]
  readonly result: string | boolean | null
}

/** How the policy compiler translates a pattern; null: calls with it stay OPA's. */
interface RecordedPattern {
  readonly pattern: string
  readonly js: string | null
}

interface Recording {
  readonly cases: readonly RecordedCall[]
  readonly patterns?: readonly RecordedPattern[]
}

function recorded(file: string): Recording {
  return JSON.parse(readFileSync(join(ROOT, 'test/fixtures/builtins', file), 'utf8')) as Recording
}

function call(name: string, operands: readonly RegoValue[]): string | boolean | null {
  const builtin = HOST_BUILTINS.get(name)
  if (builtin === undefined) throw new Error(`${name} is not supplied`)
  return builtin(...operands) ?? null
}

const recordings: Record<string, { file: string; atLeast: number }> = {
  sprintf: { file: 'sprintf.json', atLeast: 3000 },
  replace: { file: 'replace.json', atLeast: 500 },
  'host:replace': { file: 'replace.json', atLeast: 500 },
  'strings.any_prefix_match': { file: 'any_prefix_match.json', atLeast: 400 },
  'strings.any_suffix_match': { file: 'any_suffix_match.json', atLeast: 400 },
  'host:regex_match': { file: 'regex_match.json', atLeast: 1100 },
  'json.is_valid': { file: 'is_valid.json', atLeast: 40 },
  'host:json_is_valid': { file: 'is_valid.json', atLeast: 40 },
}
for (const [name, { file, atLeast }] of Object.entries(recordings)) {
  t.test(`${name} returns what OPA returned for every recorded call`, t => {
    const { cases: calls, patterns = [] } = recorded(file)
    const translations = new Map(patterns.map(({ pattern, js }) => [pattern, js]))
    const translated = (operand: RegoValue): RegoValue =>
      typeof operand === 'string' ? (translations.get(operand) ?? operand) : operand
    const wrong = calls
      .map(({ operands, result }) => {
        const [first = null, ...others] = operands.map(parseRegoValue)
        return { operands, result, ours: call(name, [translated(first), ...others]) }
      })
      .filter(({ result, ours }) => ours !== result)
    t.strictSame(wrong, [])
    t.ok(calls.length >= atLeast, 'the recording is whole')
    t.end()
  })
}

t.test('every built-in of the host was recorded', t => {
  t.strictSame([...HOST_BUILTINS.keys()].sort(), Object.keys(recordings).sort())
  t.end()
})

t.test('the patterns that go to the host repeat nothing a variable number of times', t => {
  const { cases, patterns = [] } = recorded('regex_match.json')
  const tried = new Set(cases.map(({ operands }) => parseRegoValue(operands[0] ?? '')))
  const misplaced = patterns.filter(({ pattern, js }) => tried.has(pattern) !== (js !== null))
  t.strictSame(misplaced, [], 'calls were recorded for those, and for no others')
  const host = patterns.flatMap(({ js }) => js ?? [])
  t.ok(host.length >= 110 && patterns.length - host.length >= 40, 'the recording is whole')
  const character = String.raw`(?:\w|\\u\{[0-9a-f]+\})`
  const parts = [
    String.raw`\(\?:`,
    String.raw`\|`,
    String.raw`\)`,
    String.raw`\)\{\d+\}`,
    String.raw`\^`,
    String.raw`\$`,
    character,
    String.raw`\[(?:${character}(?:-${character})?)*\]`,
  ]
  const known = new RegExp(`^(?:${parts.join('|')})+$`)
  const strange = host.filter(js => !known.test(js))
  t.strictSame(strange, [])
  t.end()
})

t.test('more patterns than are kept compiled give the same results', t => {
  const numbers = Array.from({ length: 600 }, (_, number) => number)
  const wrong = [...numbers, ...numbers.reverse()].filter(
    number =>
      call('host:regex_match', [`^a${number}$`, `a${number}`]) !== true ||
      call('host:regex_match', [`^a${number}$`, `ba${number}`]) !== false,
  )
  t.strictSame(wrong, [])
  t.end()
})

t.test('calls with a pattern in them that repeats nothing reach the host, and mean the same', t => {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, 'test/fixtures/bundles/regex/bundle/policy.wasm')))
  const required = new PolicyInstance(module, new WebAssembly.Memory({ initial: 64 }), () => undefined)
  const names = required.readText(required.abi.opa_json_dump(required.abi.builtins()))
  t.strictSame(Object.keys(JSON.parse(names) as object), ['host:regex_match'])

  const host = createPolicyHost({ module, data: {} })
  const cases = {
    ab: ['alternative', 'class', 'computed', 'repeated', 'result'],
    'x\nAB': ['class', 'computed', 'in a comprehension', 'in a function', 'result'],
    Ac: ['alternative', 'class', 'computed', 'in a function', 'result'],
    '': ['result'],
  }
  for (const [text, expected] of Object.entries(cases)) {
    host.begin(Buffer.from(JSON.stringify({ review: { text, number: 1, pattern: 'A|b' } })))
    t.strictSame((host.evaluate('lockkeeper/matching/deny', null) as string[]).sort(), [...expected, 'undefined'])
  }
  t.end()
})

t.test('operands of a wrong type make a call undefined, as OPA does at run time', t => {
  for (const operands of [['%d', 'x'], [new NumberText('1'), []], ['%d', new RegoSet([])], ['%d', null], []]) {
    t.equal(call('sprintf', operands as RegoValue[]), null)
  }
  for (const operands of [
    [null, 'a', 'b'],
    ['a', true, 'b'],
    ['a', 'b', []],
    ['a', 'b'],
  ]) {
    t.equal(call('replace', operands as RegoValue[]), null)
  }
  for (const operands of [['a', null], [null, 'a'], ['a', new NumberText('1')], ['a', ['a']], ['a']]) {
    t.equal(call('host:regex_match', operands as RegoValue[]), null)
  }
  t.equal(call('json.is_valid', [new NumberText('1')]), false, 'but whether something is JSON has an answer')
  t.end()
})

t.test('%p of an integer beyond 64 bits is a wrong verb: in Go it prints an address', t => {
  t.equal(sprintf('%p', [new NumberText('18446744073709551616')]), '%!p(big.Int=18446744073709551616)')
  t.end()
})

t.test('JSON nested deeper than 10,000 levels is not valid, and brackets in strings do not count', t => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  t.equal(call('json.is_valid', [nested(10_000)]), true)
  t.equal(call('json.is_valid', [nested(10_001)]), false)
  t.equal(call('json.is_valid', [JSON.stringify(`\\"${nested(20_000)}`)]), true)
  t.end()
})

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\u0000', '\u2028', '🚢', '\uffff'),
)
const numbers = fc.oneof(
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc
    .double({ noDefaultInfinity: true, noNaN: true })
    .map(value => (Object.is(value, -0) ? '0' : String(value).replace('e+', 'e'))),
)
const { value: regoValues } = fc.letrec<{ value: RegoValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<RegoValue>(null, true, false),
    texts,
    numbers.map(text => new NumberText(text)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.uniqueArray(tie('value'), { maxLength: 4, comparator: isSame }).map(elements => new RegoSet(elements)),
    fc
      .uniqueArray(fc.tuple(tie('value'), tie('value')), { maxLength: 4, comparator: (a, b) => isSame(a[0], b[0]) })
      .map(entries => new RegoObject(entries)),
  ),
}))

function isSame(a: RegoValue, b: RegoValue): boolean {
  return compareRegoValues(a, b) === 0
}

/** Rego's notation as Wasm dumps it: strings escaped as in JSON, and nothing sorted. */
function dumped(value: RegoValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(dumped).join(', ')}]`
  if (value instanceof RegoSet)
    return value.elements.length === 0 ? 'set()' : `{${value.elements.map(dumped).join(', ')}}`
  if (value instanceof RegoObject)
    return `{${value.entries.map(([key, member]) => `${dumped(key)}: ${dumped(member)}`).join(', ')}}`
  return regoText(value)
}

t.test('values survive the way through the notation of Wasm', t => {
  fc.assert(
    fc.property(regoValues, value => {
      const read = parseRegoValue(dumped(value))
      return compareRegoValues(read, value) === 0 && regoText(read) === regoText(value)
    }),
  )
  t.end()
})

t.test('the order of values is one: antisymmetric, transitive, and the same for equal texts', t => {
  const sign = Math.sign
  fc.assert(
    fc.property(regoValues, regoValues, regoValues, (a, b, c) => {
      if (sign(compareRegoValues(a, b)) !== -sign(compareRegoValues(b, a))) return false
      const [first, second, third] = [a, b, c].sort(compareRegoValues) as [RegoValue, RegoValue, RegoValue]
      if (compareRegoValues(first, second) > 0 || compareRegoValues(second, third) > 0) return false
      return compareRegoValues(first, third) <= 0
    }),
  )
  t.end()
})

t.test('numbers are compared by value, however they are written', t => {
  const inOrder = [
    '-1e1000',
    '-10',
    '-9.99',
    '-1e-400',
    '0',
    '1e-400',
    '0.5',
    '1',
    '1.5',
    '9007199254740992',
    '9007199254740993',
    '1e16',
    '1e1000',
  ]
  const values = inOrder.map(text => new NumberText(text))
  t.strictSame([...values].reverse().sort(compareRegoValues), values)
  for (const [a, b] of [
    ['1', '1.0'],
    ['100', '1e2'],
    ['0', '-0'],
    ['0.0', '0e5'],
    ['1E-2', '0.01'],
  ]) {
    t.equal(compareRegoValues(new NumberText(a ?? ''), new NumberText(b ?? '')), 0, `${a} is ${b}`)
  }
  t.end()
})

t.test('a text that is no value of Rego is refused', t => {
  for (const text of ['', '{', '[1', '{1', '{1: }', '{"a": 1, 2}', '"open', 'nul', '[1] 2', 'set(', '[1 2]', 'x']) {
    t.throws(() => parseRegoValue(text), text)
  }
  t.end()
})

t.test('text is quoted as in Go', t => {
  t.equal(quote('plain text ~!'), '"plain text ~!"')
  t.equal(quote('"\\\u0007\b\f\n\r\t\v\u0000\u007f'), String.raw`"\"\\\a\b\f\n\r\t\v\x00\x7f"`)
  t.equal(quote('é名🚢\u00a0\u2028\ufeff\ue000\u{10ffff}'), String.raw`"é名🚢\u00a0\u2028\ufeff\ue000\U0010ffff"`)
  t.equal(quote('é名🚢', true), String.raw`"\u00e9\u540d\U0001f6a2"`)
  // Assigned in Unicode 15.1, so printable for newer versions of Node and not for Go 1.26.
  t.equal(isPrintable(0x2ebf0), false)
  t.equal(isPrintable(0x1fae8), true)
  t.end()
})
