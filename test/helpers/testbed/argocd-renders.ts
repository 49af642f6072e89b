import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../../src/json.js'

/** What repo-server last answered for an Application: objects, or the error that it would give again. */
export type BuiltInRender =
  | { readonly objects: readonly Json[]; readonly sourceType: string; readonly commands: readonly Json[] }
  | { readonly error: string }

/** So that the cache can be read as it is. */
export const READABLE_CACHE = ['--redis-compress', 'none']

const run = promisify(execFile)

/** Reads the renders by Application out of the cache of a repo-server that was started with READABLE_CACHE. */
export async function cachedRenders(redisPort: number): Promise<ReadonlyMap<string, BuiltInRender>> {
  const redis = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', `${redisPort}`, '--raw', ...args], {
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  }
  const renders = new Map<string, BuiltInRender>()
  // mfst|<tracking>|<application>|<revision>|…
  for (const key of (await redis('--scan', '--pattern', 'mfst|*')).split('\n').filter(each => each !== '')) {
    const application = key.split('|')[2] ?? ''
    renders.set(application, renderOf(parseJson((await redis('GET', key)).trimEnd()), key))
  }
  return renders
}

function renderOf(entry: Json, key: string): BuiltInRender {
  if (!isJsonObject(entry)) throw new Error(`${key} is not an entry of the cache`)
  const response = entry.manifestResponse ?? null
  if (!isJsonObject(response)) return { error: textOf(entry.mostRecentError) }
  return {
    objects: elements(response, 'manifests').map(text => parseJson(textOf(text))),
    sourceType: textOf(response.sourceType),
    commands: elements(response, 'commands'),
  }
}

function elements(response: JsonObject, name: string): readonly Json[] {
  const found = response[name]
  return Array.isArray(found) ? found : []
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
