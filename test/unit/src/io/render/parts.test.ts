import fc from 'fast-check'
import t from 'tap'
import { detectTool } from '../../../../../src/io/render/detect.js'
import { substituteNames } from '../../../../../src/io/render/environment-names.js'
import { compileGlob } from '../../../../../src/io/render/glob.js'
import { normalizeKubeVersion } from '../../../../../src/io/render/kube-version.js'

t.test('glob patterns', t => {
  const cases: Record<string, readonly [readonly string[], readonly string[]]> = {
    '*.yaml': [
      ['a.yaml', '.yaml', 'a/b.yaml'],
      ['a.yml', 'a.yaml.x'],
    ],
    '**/a*': [
      ['x/a', 'x/y/ab'],
      ['a', 'xa'],
    ],
    'a?c': [
      ['abc', 'a/c', 'aüc', 'a😀c'],
      ['ac', 'abbc'],
    ],
    '[a-c]x[!a-c]': [
      ['axd', 'cx-'],
      ['dxd', 'axa', 'ax'],
    ],
    '[abc]': [
      ['a', 'c'],
      ['d', 'ab'],
    ],
    '[^a]': [['^', 'a'], ['b']],
    '[a\\]-]': [['a', ']', '-'], ['b']],
    '{a,b/*,{c,d}e}x': [
      ['ax', 'b/x', 'b/c/x', 'cex', 'dex'],
      ['a', 'ex', 'cx', '{a,b/*}x'],
    ],
    '{,a}b': [['b', 'ab'], ['aab']],
    'a,b}': [['a,b}'], ['a']],
    '\\*\\{a\\\\': [['*{a\\'], ['x{a\\']],
    '{a\\,b,c}': [['a,b', 'c'], ['a']],
    '': [[''], ['a']],
  }
  for (const [pattern, [fitting, others]] of Object.entries(cases)) {
    const matches = compileGlob(pattern)
    for (const text of fitting) t.ok(matches(text), `${pattern} fits ${text}`)
    for (const text of others) t.notOk(matches(text), `${pattern} does not fit ${text}`)
  }
  t.notOk(compileGlob('[^a]', '!^')('a'))
  for (const pattern of ['[a', '[', '[]', '{a', '{{a}', '[b-a]', 'x'.repeat(2049), '{'.repeat(40)]) {
    t.throws(
      () => compileGlob(pattern),
      { code: 'RENDER_FAILED', message: /^the glob pattern .* cannot be read/ },
      pattern,
    )
  }
  // With backtracking this would not end.
  t.notOk(compileGlob(`${'*a'.repeat(500)}b`)('a'.repeat(2000)))
  t.notOk(compileGlob(`${'{a,a}'.repeat(200)}b`)('a'.repeat(200)))
  t.end()
})

t.test('a pattern without signs fits itself alone, and a star fits everything', t => {
  const plain = fc.string({ maxLength: 20 })
  const escaped = (text: string): string => text.replaceAll(/[\\*?[\]{},!^-]/g, '\\$&')
  fc.assert(
    fc.property(plain, plain, plain, (a, b, c) => {
      const matches = compileGlob(`${escaped(a)}*${escaped(b)}`)
      return matches(a + c + b) && compileGlob(escaped(a))(b) === (a === b) && compileGlob('*')(c)
    }),
  )
  t.end()
})

t.test('names of the build environment', t => {
  const environment = { APP: 'shop', A_1: 'x', '1': 'one', empty: '' }
  const cases: Record<string, string> = {
    'no name': 'no name',
    $APP: 'shop',
    '${APP}': 'shop',
    'a$APP.b${APP}c': 'ashop.bshopc',
    $APPLE: '',
    '$A_1-$A': 'x-',
    $$APP: '$APP',
    '${$}': '$',
    $1x: 'onex',
    '${1}0': 'one0',
    '$empty.': '.',
    'cost: 5$': 'cost: 5$',
    '$ $. $/': '$ $. $/',
    '${}': '',
    '${APP': 'APP',
    '${a b}': '',
    '$*$#$@': '',
    $toString: '',
    $APP$APP: 'shopshop',
    $é: '$é',
  }
  for (const [text, expected] of Object.entries(cases)) t.equal(substituteNames(text, environment), expected, text)
  t.equal(substituteNames('$A', { A: '$B$$', B: 'x' }), '$B$$', 'what was put in is not read again')
  t.end()
})

t.test('versions of Kubernetes for helm', t => {
  const cases = {
    'v1.33.4': '1.33.4',
    '1.33': '1.33',
    ' v1.33.4-gke.12+x': '1.33.4',
    '1.033.04': '1.33.4',
    '1.33.4.5': '1.33.4.5',
    '0.1': '0.1',
  }
  for (const [version, expected] of Object.entries(cases)) t.equal(normalizeKubeVersion(version), expected, version)
  for (const version of ['1', 'latest', '', 'v', '01.2', 'vv1.2']) {
    t.throws(() => normalizeKubeVersion(version), { code: 'RENDER_FAILED' }, version)
  }
  t.end()
})

t.test('which tool renders a directory', async t => {
  const cases: Record<string, readonly [object, string]> = {
    'a chart': [{ 'Chart.yaml': '', 'values.yaml': '' }, 'helm'],
    'a file that only ends so': [{ 'myChart.yaml': '' }, 'helm'],
    'Chart.yml is none': [{ 'Chart.yml': '', 'chart.yaml': '' }, 'directory'],
    'kustomization.yaml': [{ 'kustomization.yaml': '' }, 'kustomize'],
    'kustomization.yml': [{ 'kustomization.yml': '' }, 'kustomize'],
    Kustomization: [{ Kustomization: '' }, 'kustomize'],
    'both: the later name counts': [{ 'Chart.yaml': '', 'kustomization.yaml': '' }, 'kustomize'],
    'both, the other way round': [{ Kustomization: '', 'LChart.yaml': '' }, 'helm'],
    'directories of these names': [{ 'Chart.yaml': {}, Kustomization: {} }, 'directory'],
    'files below': [{ sub: { 'Chart.yaml': '' } }, 'directory'],
    nothing: [{}, 'directory'],
  }
  for (const [name, [tree, expected]] of Object.entries(cases)) {
    t.equal(await detectTool(t.testdir(tree as Parameters<typeof t.testdir>[0])), expected, name)
  }
  await t.rejects(detectTool('/nowhere'), { code: 'FILE_UNREADABLE' })
})
