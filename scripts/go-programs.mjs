// Builds Go programs into a cache outside the checkout. What is in the cache was built from exactly these sources: its key is their digest.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lockkeeper')

/** The environment variable that names a program to use instead of building one: LOCKKEEPER_KUBE_APISERVER. */
export const overrideOf = name => `LOCKKEEPER_${name.toUpperCase().replaceAll('-', '_')}`

/**
 * @param program `{module, package?, version?, files?, sources?}`: the folder of its go.mod from the checkout's root; the package to build,
 *   if any; the version to stamp into Kubernetes' programs; files of a Go module to keep; sources of ours, if it has any
 * @returns {{path: string, files: string, isBuilt: boolean, directory: string}} where the program and its files are, or will be
 */
export function locate(name, program) {
  const hash = createHash('sha256').update(JSON.stringify(program))
  for (const file of [...(program.sources ?? []), 'go.mod', 'go.sum']) {
    hash.update(`${file}\n`).update(readFileSync(join(root, program.module, file)))
  }
  const directory = join(cache, 'programs', `${name}-${hash.digest('hex').slice(0, 16)}`)
  const path = process.env[overrideOf(name)] ?? join(directory, name)
  const files = join(directory, 'files')
  const isBuilt =
    (program.package === undefined || existsSync(path)) && (program.files === undefined || existsSync(files))
  return { path, files, isBuilt, directory }
}

/** Builds what is missing of one program. `progress` is called with the number of packages compiled so far. */
export async function build(name, program, progress = () => {}) {
  const { directory } = locate(name, program)
  mkdirSync(dirname(directory), { recursive: true })
  // Renamed into place when complete, so that an interrupted build leaves no half-filled cache.
  const partial = mkdtempSync(join(cache, 'programs', `.building-${name}-`))
  const removePartial = () => rmSync(partial, { recursive: true, force: true })
  process.once('exit', removePartial)
  try {
    if (program.package !== undefined && process.env[overrideOf(name)] === undefined) {
      const flags = ['-p', '2', '-trimpath', '-buildvcs=false', '-ldflags', ldflags(program)]
      let packages = 0
      await go(program, ['build', '-v', ...flags, '-o', join(partial, name), program.package], line => {
        // Everything else is what the compiler has to say.
        if (/^[\w.~/-]+$/.test(line)) progress((packages += 1))
      })
    }
    if (program.files) await copyFiles(program, join(partial, 'files'))
    rmSync(directory, { recursive: true, force: true })
    renameSync(partial, directory)
  } finally {
    process.removeListener('exit', removePartial)
    removePartial()
  }
}

async function copyFiles(program, target) {
  const { of, paths } = program.files
  // go list alone names no directory for a module whose sources are not at hand.
  await go(program, ['mod', 'download', of])
  const directory = (await go(program, ['list', '-m', '-f', '{{.Dir}}', of])).trim()
  for (const path of paths) {
    const to = join(target, path)
    mkdirSync(dirname(to), { recursive: true })
    cpSync(join(directory, path), to, { recursive: true })
    // In Go's cache no file may be run.
    if (path.endsWith('.sh')) chmodSync(to, 0o755)
  }
}

function ldflags({ version }) {
  if (version === undefined) return '-s -w'
  const [major, minor] = version.split('.')
  const values = {
    gitVersion: `v${version}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: 'unknown',
  }
  // Without them the API server calls itself v0.0.0-master+$Format:%H$, which clients cannot read.
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
  const stamps = packages.flatMap(each => Object.entries(values).map(([key, value]) => `-X ${each}.${key}=${value}`))
  return ['-s -w', ...stamps].join(' ')
}

/** Runs go in the program's module; calls `onLine` with each line of stderr, and throws them all when go fails. */
function go(program, args, onLine = () => {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: join(root, program.module),
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let rest = ''
    const lines = []
    child.stdout.setEncoding('utf8').on('data', text => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => {
      const parts = `${rest}${text}`.split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) onLine(line)
      lines.push(...parts)
    })
    child.once('error', error => reject(new Error(`go could not be started: ${error.message}`)))
    child.once('close', code => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`go ${args[0]} in ${program.module} failed:\n${[...lines, rest].slice(-20).join('\n')}`))
    })
  })
}
