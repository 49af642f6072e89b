import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_CODES } from '../../src/errors.js'
import { cardAction } from '../../src/decision.js'
import { parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { lockkeeper } from './command.js'
import { ROOT } from './repository.js'

const FIRST_POLICY = 'policies/service_external_ips/policy.rego'
const FIRST_LOOK = 'manifests/examples/first-look/resolver.yaml'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(each => each.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The rule and what it needs, without the card: the card is in the table below. */
function firstPolicy(): string {
  const text = read(FIRST_POLICY)
  return fenced('rego', text.slice(text.indexOf('package ')))
}

function firstLook(): string {
  const { stdout } = lockkeeper(['scan', FIRST_LOOK])
  return `${fenced('yaml', read(FIRST_LOOK))}\n\n${fenced('', `$ npx lockkeeper scan ${FIRST_LOOK}\n${stdout}`)}`
}

async function policies(): Promise<string> {
  const { cards } = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
  const rows = cards.map(card => [
    `\`${card.id}\``,
    card.title,
    card.severity,
    [...new Set(card.rules.map(rule => cardAction(card, rule)))].join(', '),
    card.controls.join(', '),
  ])
  return table(['policy', 'what it is about', 'severity', 'action', 'controls'], rows)
}

/** The commands as `--help` names them. */
function commands(): string {
  const subcommands = [
    'scan',
    'diff',
    'score',
    'rarity build',
    'generate',
    'webhook',
    'webhook static-files',
    'controller',
    'flux controller',
    'flux judge',
    'doctor',
    'explain',
    'feedback',
    'features',
    'policy list',
    'policy show',
    'bundle inspect',
  ]
  return table(
    ['command', 'what it does'],
    subcommands.map(name => {
      const { stdout } = lockkeeper([...name.split(' '), '--help'])
      const [usage = '', description = ''] = stdout.split('\n\n')
      return [
        `\`${usage.replace('Usage: ', '').replace('[options] ', '')}\``,
        (description.split('. ')[0] ?? '').replaceAll('\n', ' '),
      ]
    }),
  )
}

function errors(): string {
  return table(
    ['code', 'meaning'],
    Object.entries(ERROR_CODES).map(([code, { meaning }]) => [`\`${code}\``, meaning]),
  )
}

/** README.md with its generated parts as they are today. */
export async function currentReadme(): Promise<string> {
  const parts: Record<string, string> = {
    'first-policy': firstPolicy(),
    'first-look': firstLook(),
    commands: commands(),
    policies: await policies(),
    errors: errors(),
  }
  return read('README.md').replaceAll(/<!-- begin: (\S+) -->[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const part = parts[name]
    if (part === undefined) throw new Error(`README.md asks for an unknown part: ${name}`)
    return `<!-- begin: ${name} -->\n\n${part}\n\n<!-- end -->`
  })
}
