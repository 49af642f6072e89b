import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { GateError, thrownText } from '../../../src/errors.js'

/** How much of an archive is let in. */
export interface UnpackLimits {
  /** Of everything in it together, what is around the files included. */
  readonly maxBytes: number
  readonly maxFileBytes: number
  readonly maxEntries: number
}

export interface UnpackOptions {
  /** Only what is at or below these paths; everything when not said, or where one of them is the root. */
  readonly paths?: readonly string[]
  readonly limits?: Partial<UnpackLimits>
}

const LIMITS: UnpackLimits = { maxBytes: 512 * 1024 * 1024, maxFileBytes: 64 * 1024 * 1024, maxEntries: 50_000 }
const MAX_DEPTH = 64
const MAX_NAME_BYTES = 255
/** The first bytes of a gzip stream. */
const GZIP_MAGIC = 0x1f8b

/** A file that has arrived whole. */
interface Arrived {
  readonly path: string
  readonly chunks: readonly Buffer[]
  readonly isExecutable: boolean
}

/**
 * Unpacks the `.tar.gz` of a source into an empty directory. Links, devices, steps upwards and a path that comes twice are
 * refused, never passed over: what is judged is what was published.
 *
 * @throws GateError ARTIFACT_INVALID
 */
export async function unpackArtifact(file: string, directory: string, options: UnpackOptions = {}): Promise<void> {
  const limits = { ...LIMITS, ...options.limits }
  const isWanted = wantedPaths(options.paths ?? [])
  const seen = new Set<string>()
  const directories: string[] = []
  const arrived: Arrived[] = []
  const problems: string[] = []
  let entries = 0

  const take = (entry: ReadEntry): void => {
    entries += 1
    const problem = entries > limits.maxEntries ? `more than ${limits.maxEntries} entries` : problemOf(entry, limits)
    if (problem !== null) problems.push(problem)
    const path = cleanPath(entry.path)
    if (problem !== null || path === null || !isWanted(path)) {
      entry.resume()
      return
    }
    if (entry.type === 'Directory') {
      directories.push(path)
      entry.resume()
      return
    }
    if (seen.has(path)) problems.push(`${shown(path)} comes twice`)
    seen.add(path)
    const chunks: Buffer[] = []
    entry.on('data', chunk => chunks.push(chunk))
    entry.on('end', () => {
      arrived.push({ path, chunks, isExecutable: ((entry.mode ?? 0) & 0o111) !== 0 })
    })
  }
  const parser = new Parser({
    strict: true,
    onReadEntry: take,
    onwarn: (_code, message) => problems.push(thrownText(message)),
  })
  parser.on('error', (error: unknown) => problems.push(thrownText(error)))

  /** What has come so far is written before more is read. */
  const settle = async (): Promise<void> => {
    const [problem] = problems
    if (problem !== undefined) throw invalid(problem)
    for (const each of directories.splice(0)) await mkdir(join(directory, each), { recursive: true, mode: 0o700 })
    for (const { path, chunks, isExecutable } of arrived.splice(0)) {
      const target = join(directory, path)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await writeFile(target, Buffer.concat(chunks), { flag: 'wx', mode: isExecutable ? 0o755 : 0o644 })
    }
  }
  try {
    let bytes = 0
    for await (const chunk of createReadStream(file).pipe(createGunzip()) as AsyncIterable<Buffer>) {
      if (bytes === 0 && chunk.length >= 2 && chunk.readUInt16BE(0) === GZIP_MAGIC)
        throw invalid('it is no tar archive')
      bytes += chunk.length
      if (bytes > limits.maxBytes) throw invalid(`it unpacks to more than ${limits.maxBytes} bytes`)
      parser.write(chunk)
      await settle()
    }
    if (bytes === 0) throw invalid('it is empty')
    parser.end()
    await settle()
  } catch (error) {
    if (error instanceof GateError) throw error
    throw new GateError('ARTIFACT_INVALID', `the artifact cannot be unpacked: ${thrownText(error)}`, { cause: error })
  }
}

function problemOf({ path, type, size }: ReadEntry, { maxFileBytes }: UnpackLimits): string | null {
  if (type !== 'File' && type !== 'OldFile' && type !== 'Directory') return `${shown(path)} is a ${type}, not a file`
  if (cleanPath(path) === null) return `${shown(path)} is a path that is not let in`
  return size > maxFileBytes ? `${shown(path)} has more than ${maxFileBytes} bytes` : null
}

/** '' for the root; null for what leads elsewhere, or is no path that every system reads the same. */
function cleanPath(path: string): string | null {
  // eslint-disable-next-line no-control-regex -- names with control characters are refused
  if (path.startsWith('/') || /[\u0000-\u001f\u007f\\]/.test(path)) return null
  const segments = path.split('/').filter(each => each !== '' && each !== '.')
  if (segments.length > MAX_DEPTH || segments.includes('..')) return null
  return segments.some(each => Buffer.byteLength(each) > MAX_NAME_BYTES) ? null : segments.join('/')
}

function wantedPaths(paths: readonly string[]): (path: string) => boolean {
  const roots = paths.map(each => cleanPath(each) ?? each)
  if (roots.length === 0 || roots.includes('')) return () => true
  return path => roots.some(root => path === root || path.startsWith(`${root}/`))
}

function invalid(problem: string): GateError {
  return new GateError('ARTIFACT_INVALID', `the artifact cannot be unpacked: ${problem}`)
}

function shown(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
}
