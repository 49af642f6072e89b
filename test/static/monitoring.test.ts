import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import t from 'tap'
import { filesBelow, ROOT } from '../helpers/repository.js'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
}

const alerts = (
  load(read('manifests/monitoring/prometheus-rule.yaml')) as { spec: { groups: { rules: Alert[] }[] } }
).spec.groups.flatMap(each => each.rules)
const { panels, templating } = JSON.parse(read('manifests/monitoring/lockkeeper.json')) as {
  panels: Panel[]
  templating: { list: { name: string; type: string }[] }
}
const expressions = [
  ...alerts.map(each => ({ of: each.alert, expr: each.expr })),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ of: title, expr }))),
]

/** The metrics of this program in an expression; a histogram is known by its name without the suffix. */
function metricsIn(expression: string): readonly string[] {
  return [...expression.matchAll(/\blockkeeper_(\w+)/g)].map(match =>
    (match[1] ?? '').replace(/_(bucket|sum|count)$/, ''),
  )
}

t.test('every metric in an alert or a panel is one that a program has', t => {
  const source = ['webhook', 'controller', 'src/io']
    .flatMap(folder => filesBelow(folder, '.ts'))
    .map(read)
    .join('\n')
  // The audit's begin with a word of their own, which is written once.
  const names = new Set([
    ...[...source.matchAll(/['"`](?:lockkeeper_)?([a-z]\w*)['"`]/g)].map(match => match[1]),
    ...[...source.matchAll(/\bname\('([a-z]\w*)'\)/g)].map(match => `audit_${match[1] ?? ''}`),
  ])
  const used = expressions.flatMap(({ of, expr }) => metricsIn(expr).map(name => ({ of, name })))
  t.ok(used.length > 30)
  t.strictSame(
    used.filter(({ name }) => !names.has(name)),
    [],
  )
  t.end()
})

t.test('an alert says how bad it is, what is wrong and what to do', t => {
  t.ok(alerts.length > 10)
  t.equal(new Set(alerts.map(each => each.alert)).size, alerts.length, 'names are used once')
  for (const { alert, labels, annotations } of alerts) {
    t.match(alert, /^Lockkeeper[A-Z]\w+$/)
    t.ok(['critical', 'warning'].includes(labels.severity), alert)
    t.ok(annotations.summary.length > 10 && annotations.description.length > 20, alert)
  }
  t.end()
})

t.test('brackets of expressions are closed', t => {
  const closing: Record<string, string> = { ')': '(', ']': '[', '}': '{' }
  for (const { of, expr } of expressions) {
    const open: string[] = []
    for (const letter of expr.replaceAll(/"[^"]*"/g, '')) {
      if ('([{'.includes(letter)) open.push(letter)
      else if (letter in closing) t.equal(open.pop(), closing[letter], of)
    }
    t.strictSame(open, [], of)
  }
  t.end()
})

t.test('the dashboard can be imported', t => {
  t.equal(new Set(panels.map(each => each.id)).size, panels.length, 'ids are used once')
  t.strictSame(
    templating.list.map(({ name, type }) => ({ name, type })),
    [{ name: 'datasource', type: 'datasource' }],
  )
  for (const { title, type, gridPos, datasource, targets = [] } of panels) {
    t.ok(gridPos.x + gridPos.w <= 24, `${title} fits the width`)
    if (type === 'row') continue
    t.equal(datasource?.uid, '${datasource}', title)
    t.ok(targets.length > 0, title)
    t.ok(
      targets.every(each => each.datasource.uid === '${datasource}'),
      title,
    )
  }
  t.end()
})

t.test('panels do not cover each other', t => {
  const cells = panels.flatMap(({ title, gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => ({ title, cell: `${x + (index % w)},${y + Math.floor(index / w)}` })),
  )
  const taken = new Map<string, string>()
  for (const { title, cell } of cells) {
    if (taken.has(cell)) t.fail(`${title} covers ${taken.get(cell) ?? ''}`)
    taken.set(cell, title)
  }
  t.equal(taken.size, cells.length)
  t.end()
})
