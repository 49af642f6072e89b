import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { filesBelow, ROOT } from '../helpers/repository.js'

const CORE = ['node:crypto', 'node:zlib', 'node:buffer']

/** Who may import what, by the longest prefix that fits: folders of this project, and packages or `node:` modules at home there. */
const TABLE: Record<string, { folders: string[]; packages: string[] }> = {
  'src/': { folders: ['src/'], packages: CORE },
  'src/yaml': { folders: ['src/'], packages: [...CORE, 'js-yaml'] },
  'src/remedy/': { folders: ['src/'], packages: [...CORE, 'yaml'] },
  'src/risk/session': { folders: ['src/'], packages: [...CORE, 'onnxruntime-node'] },
  'src/policy/': { folders: ['src/'], packages: CORE },
  'src/io/': { folders: ['src/', 'src/io/'], packages: ['node:*', 'tar', 'pino', 'prom-client'] },
  'src/io/tracing': { folders: ['src/', 'src/io/'], packages: ['@opentelemetry/*'] },
  'src/io/certificates/': { folders: ['src/', 'src/io/', 'src/io/cluster/'], packages: ['node:*', 'node-forge'] },
  'src/io/decision-log/': { folders: ['src/', 'src/io/'], packages: ['node:*', 'p-retry'] },
  'src/io/cluster/': {
    folders: ['src/', 'src/io/', 'src/io/cluster/'],
    packages: ['node:*', '@kubernetes/client-node', 'p-retry'],
  },
  'src/cli/': {
    folders: ['src/', 'src/io/', 'src/cli/'],
    packages: ['node:*', 'commander', 'picocolors', 'cli-progress'],
  },
  'webhook/': {
    folders: ['src/', 'src/io/', 'src/io/cluster/', 'webhook/registration/', 'webhook/'],
    packages: ['node:*', 'express', 'prom-client'],
  },
  'controller/': {
    folders: ['src/', 'src/io/', 'src/io/cluster/', 'controller/'],
    packages: ['node:*', 'prom-client'],
  },
  'plugin/flux/': {
    folders: ['src/', 'src/io/', 'src/io/cluster/', 'plugin/flux/'],
    packages: ['node:*', 'prom-client', 'tar'],
  },
  'plugin/argocd/': { folders: ['src/', 'src/io/', 'plugin/argocd/'], packages: ['node:*'] },
  // It starts with every render: nothing but Node itself.
  'plugin/argocd/client': { folders: [], packages: ['node:net', 'node:fs'] },
  // It says what the registration should be, so it builds it as the gate does; nothing else of the gate's is its affair.
  'doctor/': {
    folders: ['src/', 'src/io/', 'src/io/cluster/', 'webhook/registration/', 'doctor/'],
    packages: ['node:*'],
  },
  // It measures and feeds the risk model, beside the product.
  'model/': { folders: ['src/', 'src/io/', 'model/'], packages: ['node:*'] },
  'doctor/checks/': { folders: ['src/', 'webhook/registration/', 'doctor/'], packages: ['node:crypto'] },
}
/** Folders beside the core; the more special first. */
const OUTER = [
  'src/io/cluster/',
  'src/io/',
  'src/cli/',
  'plugin/argocd/',
  'plugin/flux/',
  'webhook/registration/',
  'webhook/',
  'controller/',
  'doctor/',
  'model/',
]
const DOORS = ['plugin/argocd/', 'plugin/flux/', 'webhook/', 'controller/', 'doctor/']

/** The modules a file imports at run time; `import type` is free. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(?!type\b)[^'"]*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|^import\s+\w+\s*=\s*require\('([^']+)'\)|\bimport\('([^']+)'\)/gms,
  )
  return [...statements].map(match => match[1] ?? match[2] ?? match[3] ?? match[4] ?? '')
}

/** Why an import is not allowed; null when it is. */
function refusal(file: string, specifier: string): string | null {
  const key = Object.keys(TABLE)
    .filter(prefix => file.startsWith(prefix))
    .sort((a, b) => b.length - a.length)[0]
  const { folders, packages } = TABLE[key ?? ''] ?? { folders: [], packages: [] }
  if (!specifier.startsWith('.')) {
    const fits = packages.some(
      each => each === specifier || (each.endsWith('*') && specifier.startsWith(each.slice(0, -1))),
    )
    return fits ? null : `${file} imports ${specifier}, which is not at home there`
  }
  const target = normalize(join(dirname(file), specifier))
  // The command line reaches a door by its main.ts only.
  if (file.startsWith('src/cli/') && DOORS.some(door => target === `${door}main.js`)) return null
  const room = OUTER.find(folder => target.startsWith(folder)) ?? (target.startsWith('src/') ? 'src/' : 'nowhere')
  return folders.includes(room) ? null : `${file} imports ${target}`
}

/** The source: the core, what is around it, and the doors. */
function sourceFiles(): readonly string[] {
  return ['src', 'model', ...DOORS.map(door => door.slice(0, -1))].flatMap(folder => [
    ...filesBelow(folder, '.ts'),
    ...filesBelow(folder, '.cts'),
  ])
}

t.test('imports point inwards', t => {
  const files = sourceFiles()
  t.ok(files.length > 30, 'the source was found')
  const found = files.flatMap(file =>
    importsOf(readFileSync(join(ROOT, file), 'utf8'))
      .map(each => refusal(file, each))
      .filter(each => each !== null),
  )
  t.strictSame(found, [])
  t.end()
})

t.test('the table refuses', t => {
  t.match(refusal('src/decision.ts', './io/pool.js'), 'imports src/io/pool.js')
  t.match(refusal('src/io/files.ts', '../cli/main.js'), 'imports src/cli/main.js')
  t.match(refusal('src/gate.ts', '../model/history.js'), 'imports model/history.js')
  t.match(refusal('src/gate.ts', 'node:fs'), 'not at home')
  t.match(refusal('src/gate.ts', 'yaml'), 'not at home')
  t.equal(refusal('src/cli/scan.ts', '../io/pool.js'), null)
  t.equal(refusal('src/cli/webhook.ts', '../../webhook/main.js'), null)
  t.match(refusal('src/cli/webhook.ts', '../../webhook/app.js'), 'imports webhook/app.js')
  t.match(refusal('src/cli/scan.ts', '../io/cluster/cluster-client.js'), 'imports src/io/cluster/')
  t.match(refusal('webhook/app.ts', '../controller/main.js'), 'imports controller/main.js')
  t.match(refusal('webhook/app.ts', '../src/cli/main.js'), 'imports src/cli/main.js')
  t.equal(refusal('webhook/app.ts', '../src/io/cluster/cluster-client.js'), null)
  t.match(refusal('controller/main.ts', 'express'), 'not at home')
  t.equal(refusal('doctor/examine.ts', '../webhook/registration/rules.js'), null)
  t.match(refusal('doctor/examine.ts', '../webhook/app.js'), 'imports webhook/app.js')
  t.match(refusal('doctor/checks/cluster.ts', '../../src/io/cluster/client.js'), 'imports src/io/cluster/')
  t.strictSame(
    importsOf(
      "import type { A } from './a.js'\nimport {\n  b,\n} from './b.js'\nconst c = await import('./c.js')\nimport d = require('d')",
    ),
    ['./b.js', './c.js', 'd'],
  )
  t.end()
})

t.test('the core does not touch the process, the console or the clock', t => {
  const core = filesBelow('src', '.ts').filter(file => !OUTER.some(folder => file.startsWith(folder)))
  const forbidden =
    /\bprocess\.|\bconsole\.|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|\bperformance\./
  const found = core.filter(file =>
    forbidden.test(readFileSync(join(ROOT, file), 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')),
  )
  t.strictSame(found, [])
  t.end()
})

/** Every file of this project and every package that a file loads, through the files it imports, but for dynamic imports. */
function loadedBy(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found
  found.add(file)
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const specifier of importsOf(text.replaceAll(/\bimport\('[^']+'\)/g, ''))) {
    if (specifier.startsWith('.')) loadedBy(normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts'), found)
    else found.add(specifier)
  }
  return found
}

t.test('lockkeeper generate loads no cluster client, no server and no logger', t => {
  const starts = [
    'src/cli/main.ts',
    'src/cli/render-once.ts',
    'plugin/argocd/render-thread.ts',
    'plugin/argocd/serve.ts',
  ]
  const loaded = new Set(starts.flatMap(each => [...loadedBy(each)]))
  const heavy = [
    'commander',
    'node:https',
    '@kubernetes/client-node',
    'express',
    'node-forge',
    'pino',
    'prom-client',
    '@opentelemetry/api',
  ]
  t.ok(loaded.has('js-yaml'), 'what it does load was found')
  t.strictSame(
    heavy.filter(each => loaded.has(each)),
    [],
  )
  t.ok(loadedBy('webhook/main.ts').has('express'), 'what the webhook loads would be found')
  t.end()
})

/** What is started as a program of its own. */
const PROGRAMS = ['src/cli/main.ts', 'plugin/argocd/client.cts']

t.test('only the command line reads arguments and environment', t => {
  const found = sourceFiles().filter(
    file => !PROGRAMS.includes(file) && /process\.(env|argv)\b/.test(readFileSync(join(ROOT, file), 'utf8')),
  )
  t.strictSame(found, [])
  t.end()
})
