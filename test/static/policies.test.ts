import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import type { Problem } from '../../src/fields.js'
import { isJsonObject, type Json, type JsonObject } from '../../src/json.js'
import { readCards } from '../../src/policy/card.js'
import type { PolicyCard } from '../../src/policy/policy-types.js'
import { filesBelow, policyIds, ROOT } from '../helpers/repository.js'
import { SAMPLE_ENDINGS } from '../helpers/samples.js'

/** Policies about things that no public catalogue of controls knows. */
const WITHOUT_CONTROLS = [
  'api_service',
  'argocd_application_plugin',
  'crd_conversion_webhook',
  'deprecated_api_versions',
  'disruption_budgets',
  'image_pull_policy',
  'node_binding',
  'pod_eviction',
  'probes',
  'protected_scale',
  'selector_moved',
  'set_scale_to_zero',
  'removed_api_versions',
  'risk_threshold',
  'scale_to_zero',
  'termination_grace',
]

/** `<catalogue>:<number or name>`, in the catalogue's own spelling. */
const CONTROL =
  /^(?:PSS:(?:baseline|restricted):[A-Za-z_]+|CIS:\d+(?:\.\d+)+|MITRE:T\d{4}(?:\.\d{3})?|NIST:SP800-190:\d+(?:\.\d+)+|NIST:SP800-53:[A-Z]{2}-\d+(?:\(\d+\))?)$/

/** The techniques of MITRE ATT&CK's matrix for Containers (version 17) that policies name: others need a look at the matrix first. */
const TECHNIQUES = [
  ...['T1036.005', 'T1053.007', 'T1078', 'T1078.001', 'T1098.006', 'T1133', 'T1204.003', 'T1485', 'T1496', 'T1528'],
  ...['T1552.001', 'T1552.007', 'T1562.001', 'T1609', 'T1610', 'T1611'],
].map(each => `MITRE:${each}`)

/** Members of a card's `custom` that every policy of the library writes down. */
const REQUIRED = ['controls', 'match', 'parameters', 'severity']

/** A clock, the network, chance, the machine: a policy that asks them would not judge the same request the same way twice. */
const IMPURE = /\b(?:http\.send|net\.lookup_ip_addr|opa\.runtime|rand\.\w+|time\.now_ns|uuid\.rfc4122|trace|walk)\s*\(/g

/**
 * `not is_string(x.name)` is undefined where `x.name` is, so the rule is silent just where it should speak: OPA evaluates
 * the arguments of a built-in before the negation. The call has to be in a rule of its own.
 */
const NEGATED_CALL_OF_A_REFERENCE = /\bnot [a-z_][\w.]*\([^()]*[a-z_]\w*[.[][^()]*\)/g

const IDS = policyIds()

/** How the files of samples end; the sentence that every sample begins with is a comment or the member `description`. */
const ENDINGS = Object.values(SAMPLE_ENDINGS)
const FIRST_SENTENCE = /^(?:# |\{\s*"description": ").{20,}\."?,?$/

/** The start of a sample, up to and with its sentence. */
function firstSentence(text: string): string {
  return text.startsWith('{') ? text.split('\n', 2).join('') : (text.split('\n', 1)[0] ?? '')
}

/** The METADATA block over the package line. */
function metadata(text: string): JsonObject {
  const block = /^# METADATA\n((?:#.*\n)+)package /m.exec(text)?.[1] ?? ''
  return (parse(block.replace(/^# ?/gm, '')) ?? {}) as JsonObject
}

function packageOf(text: string): string {
  return /^package (\S+)$/m.exec(text)?.[1] ?? ''
}

/** Rego without its comments. */
function code(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8').replace(/^\s*#.*$/gm, '')
}

function matchesOf(pattern: RegExp, files: readonly string[]): string[] {
  return files.flatMap(file => [...code(file).matchAll(pattern)].map(([found]) => `${file}: ${found}`))
}

function cardOf(text: string): { card: PolicyCard | undefined; problems: readonly Problem[] } {
  const problems: Problem[] = []
  const rules = new Set([...text.matchAll(/^(deny|warn|violation) contains /gm)].map(match => match[1]))
  const entrypoints: Json = [...rules].map(rule => ({
    entrypoint: `${packageOf(text).replaceAll('.', '/')}/${rule}`,
    annotations: [metadata(text)],
  }))
  return { card: readCards(entrypoints, problems)[0], problems }
}

t.test('every folder with Rego is a policy, the library or the built bundle', t => {
  const folders = new Set(filesBelow('policies', '.rego').map(file => file.split('/')[1]))
  const others = ['lib', 'bundle', 'compiler']
  t.strictSame(
    [...folders].filter(each => each !== undefined && !others.includes(each)),
    IDS,
  )
  t.ok(IDS.length >= 100, 'the policies were found')
  t.end()
})

for (const id of IDS) {
  const folder = join(ROOT, 'policies', id)
  const text = readFileSync(join(folder, 'policy.rego'), 'utf8')

  t.test(`${id} has a complete card`, t => {
    const { card, problems } = cardOf(text)
    const { title, description, custom } = metadata(text)
    t.strictSame(problems, [], 'the card can be read as the bundle reads it')
    t.equal(packageOf(text), `lockkeeper.${id}`)
    t.equal(card?.id, id)
    t.match(title, /^[A-Za-z].*[^.]$/)
    t.match(description, /^[A-Z][^]{40,400}\.\n?$/, 'the description is one or two sentences')
    const members = Object.keys(custom as JsonObject)
    t.strictSame(
      REQUIRED.filter(each => !members.includes(each)),
      [],
      'the card says what the library asks for',
    )
    const { match } = card ?? {}
    t.ok(match?.workloads === true || (match?.kinds?.length ?? 0) > 0, 'the card says which kinds it judges')
    t.ok(card?.docs === '' || card?.docs.startsWith('https://'), 'docs is an address')
    t.end()
  })

  t.test(`${id} names public controls`, t => {
    const { card } = cardOf(text)
    t.equal(card?.controls.length === 0, WITHOUT_CONTROLS.includes(id))
    const isKnown = (control: string) =>
      CONTROL.test(control) && (!control.startsWith('MITRE:') || TECHNIQUES.includes(control))
    t.strictSame(
      card?.controls.filter(each => !isKnown(each)),
      [],
    )
    t.end()
  })

  t.test(`${id} has Rego tests`, t => {
    const test = join(folder, 'policy_test.rego')
    t.ok(existsSync(test), 'policy_test.rego is there')
    const tests = readFileSync(test, 'utf8')
    t.equal(packageOf(tests), `lockkeeper.${id}_test`)
    t.ok([...tests.matchAll(/^test_\w+/gm)].length >= 6, 'it has six tests or more')
    t.end()
  })

  t.test(`${id} has samples that it allows and samples that it denies`, t => {
    const names = readdirSync(join(folder, 'samples'))
    for (const kind of ['allowed', 'denied']) {
      const samples = names.filter(name => name.startsWith(`${kind}-`) && ENDINGS.some(each => name.endsWith(each)))
      t.ok(samples.length >= 2, `two or more ${kind} samples`)
      for (const name of samples) {
        const text = readFileSync(join(folder, 'samples', name), 'utf8')
        t.match(firstSentence(text), FIRST_SENTENCE, `${name} begins with what it shows`)
      }
    }
    const strays = names.filter(name => {
      const [, base, ending] = /^((?:allowed|denied)-[a-z0-9-]+)(\..+)$/.exec(name) ?? []
      if (base === undefined) return true
      if (ending === '.context.json')
        return !names.some(each => each === `${base}.yaml` || each === `${base}.request.json`)
      return !ENDINGS.some(each => each === ending)
    })
    t.strictSame(strays, [], 'nothing else is among the samples')
    t.end()
  })
}

t.test('every policy that knows deployers knows the same ones', t => {
  const lists = IDS.flatMap(id => {
    const { parameters } = metadata(readFileSync(join(ROOT, 'policies', id, 'policy.rego'), 'utf8'))
      .custom as JsonObject
    return isJsonObject(parameters) && parameters.deployers !== undefined ? [JSON.stringify(parameters.deployers)] : []
  })
  t.ok(lists.length >= 10, 'the policies were found')
  t.equal(new Set(lists).size, 1)
  t.end()
})

const SOURCES = filesBelow('policies', '.rego').filter(
  file => !file.startsWith('policies/bundle/') && !file.endsWith('_test.rego'),
)

t.test('no policy asks a clock, the network, chance or the machine, or walks whole objects', t => {
  t.ok(SOURCES.length > IDS.length, 'the sources were found')
  t.strictSame(matchesOf(IMPURE, SOURCES), [])
  t.end()
})

t.test('no policy negates a call of a reference', t => {
  t.strictSame(matchesOf(NEGATED_CALL_OF_A_REFERENCE, SOURCES), [])
  t.end()
})

t.test('the searches find what they look for', t => {
  const found = (pattern: RegExp, text: string) => [...text.matchAll(pattern)].length
  const cases: [RegExp, string, number][] = [
    [IMPURE, 'now := time.now_ns()', 1],
    [IMPURE, 'response := http.send({})', 1],
    [IMPURE, 'some [path, value] in walk (input)', 1],
    [IMPURE, 'input.now < 5', 0],
    [NEGATED_CALL_OF_A_REFERENCE, 'not is_string(item.name)', 1],
    [NEGATED_CALL_OF_A_REFERENCE, 'not startswith(names[0], "x")', 1],
    [NEGATED_CALL_OF_A_REFERENCE, 'not _is_named(item)', 0],
    [NEGATED_CALL_OF_A_REFERENCE, 'not item.privileged == true', 0],
    [NEGATED_CALL_OF_A_REFERENCE, 'not regex.match(_pattern, name)', 0],
  ]
  for (const [pattern, text, count] of cases) t.equal(found(pattern, text), count, text)
  t.end()
})
