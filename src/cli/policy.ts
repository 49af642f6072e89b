import { GateError } from '../errors.js'
import { builtInBundlePath, loadBundleFiles } from '../io/bundle-source.js'
import { parseBundle, type Bundle, type BundleFiles } from '../policy/bundle.js'
import { jsonText } from '../report/json.js'
import { bundleText, policyListText, policyText } from '../report/policies.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'

/** What the commands share that only look at a bundle. */
export interface LookOptions {
  readonly format: 'text' | 'json'
  readonly bundle?: string
  readonly color?: boolean
}

/** Looking needs no signature: nothing is judged with what is shown. */
async function loadBundle(path: string | undefined): Promise<{ name: string; bundle: Bundle; files: BundleFiles }> {
  const files = await loadBundleFiles(path ?? (await builtInBundlePath()))
  return { name: path ?? 'built-in', bundle: parseBundle(files, { allowUnsigned: true }), files }
}

/** `lockkeeper policy list` */
export async function listPolicies(options: LookOptions, environment: CliEnvironment): Promise<void> {
  const { cards } = (await loadBundle(options.bundle)).bundle
  const { stdout } = environment
  const text =
    options.format === 'json'
      ? `${jsonText(cards)}\n`
      : policyListText(cards, paintFor(stdout, options.color, environment))
  await write(stdout, text)
}

/** `lockkeeper policy show <id>` */
export async function showPolicy(id: string, options: LookOptions, environment: CliEnvironment): Promise<void> {
  const { cards } = (await loadBundle(options.bundle)).bundle
  const card = cards.find(each => each.id === id || each.package === id)
  if (card === undefined) {
    throw new GateError('USAGE', `no policy has the id ${id}; the bundle has ${cards.map(each => each.id).join(', ')}`)
  }
  const { stdout } = environment
  await write(
    stdout,
    options.format === 'json' ? `${jsonText(card)}\n` : policyText(card, paintFor(stdout, options.color, environment)),
  )
}

/** `lockkeeper bundle inspect [path]` */
export async function inspectBundle(options: LookOptions, environment: CliEnvironment): Promise<void> {
  const { name, bundle, files } = await loadBundle(options.bundle)
  const { stdout, now } = environment
  const exceptions = bundle.exceptions.map(exception => ({
    name: exception.name,
    policies: exception.policies,
    state:
      exception.invalid !== null
        ? `invalid (${exception.invalid})`
        : Date.parse(exception.notAfter) <= now.getTime()
          ? 'expired'
          : 'valid',
    notAfter: exception.notAfter,
  }))
  const inspected = {
    name,
    bundle,
    files: [...files].map(([path, bytes]) => ({ path, bytes: bytes.length })),
    signed: files.has('.signatures.json'),
    exceptions,
  }
  if (options.format === 'text') {
    await write(stdout, bundleText(inspected, paintFor(stdout, options.color, environment)))
    return
  }
  const { reference, cards, entrypoints, config, namespaces } = bundle
  const known = Object.fromEntries(namespaces)
  await write(
    stdout,
    `${jsonText({ ...reference, signed: inspected.signed, files: inspected.files, policies: cards, entrypoints, config, namespaces: known, exceptions })}\n`,
  )
}
