import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { createBareRepository, type FileChanges, type Repository } from './git-repository.js'
import { spawnGit } from './git.js'
import { listen } from './listen.js'
import type { Testbed } from './testbed.js'

/** Serves repositories for reading over git's smart HTTP, which Argo CD and Flux both speak. */
export interface GitServer {
  /** The URL of a repository. */
  url(repository: string): string
  /** Creates a repository with one commit on `main`, or none when there are no files. */
  createRepository(name: string, files?: FileChanges): Promise<Repository>
}

/** What a client wants to have is a list of ids: kilobytes. */
const MAX_REQUEST_BYTES = 1 << 20
const MAX_HEADER_BYTES = 1 << 14

/** Only the two requests of a fetch; with the name of a repository as the one free part, a path leads nowhere else. */
const ROUTE = /^\/[a-z0-9][a-z0-9-]*\.git\/(info\/refs|git-upload-pack)$/

/** Starts an empty git server on loopback; it closes with the test bed. */
export async function startGitServer(bed: Testbed): Promise<GitServer> {
  const root = join(bed.directory, 'git')
  mkdirSync(root)
  const repositories = new Set<string>()
  const running = new Set<Promise<void>>()
  const server = createServer((request, response) => {
    const route = findRoute(request)
    if (route === null) {
      response.writeHead(404).end()
      return
    }
    const tooMuch = refuseBody(request)
    if (tooMuch !== null) {
      response.writeHead(tooMuch, { connection: 'close' }).end()
      return
    }
    const answer = answerWithBackend(root, route, request, response).finally(() => running.delete(answer))
    running.add(answer)
  })
  server.requestTimeout = 30_000
  bed.onClose('git http-backend', async () => {
    await Promise.all(running)
  })
  const port = await listen(bed, 'git server', server)
  const url = (repository: string) => `http://127.0.0.1:${port}/${repository}.git`

  return {
    url,
    createRepository: async (name, files = {}) => {
      if (!ROUTE.test(`/${name}.git/info/refs`)) throw new Error(`not a name for a repository: ${name}`)
      if (repositories.has(name)) throw new Error(`there is a repository ${name} already`)
      const repository = await createBareRepository(root, name, url(name))
      if (Object.keys(files).length > 0) await repository.commit(files, 'first')
      repositories.add(name)
      return repository
    },
  }
}

interface Route {
  readonly pathInfo: string
  readonly query: string
}

function findRoute({ method, url = '' }: IncomingMessage): Route | null {
  const [path = '', query = ''] = url.split('?', 2)
  const service = ROUTE.exec(path)?.[1]
  if (service === undefined) return null
  const isFetch = service === 'info/refs' ? method === 'GET' && query === 'service=git-upload-pack' : method === 'POST'
  return isFetch ? { pathInfo: path, query } : null
}

/** The status for a body that is too long, or does not say how long it is (git's clients say so below 1 MiB). */
function refuseBody({ headers }: IncomingMessage): 411 | 413 | null {
  if (headers['transfer-encoding'] !== undefined) return 411
  return Number(headers['content-length'] ?? 0) > MAX_REQUEST_BYTES ? 413 : null
}

/** Hands a request to `git http-backend`, which speaks CGI, and its answer to the client. Never rejects. */
function answerWithBackend(
  root: string,
  { pathInfo, query }: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { headers } = request
  const child = spawnGit(root, ['http-backend'], {
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: pathInfo,
    QUERY_STRING: query,
    REQUEST_METHOD: request.method ?? '',
    ...(headers['content-type'] === undefined ? {} : { CONTENT_TYPE: headers['content-type'] }),
    ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
    ...(headers['content-encoding'] === undefined ? {} : { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
    ...(typeof headers['git-protocol'] === 'string' ? { GIT_PROTOCOL: headers['git-protocol'] } : {}),
  })

  request.pipe(child.stdin)
  // It may answer before it has read everything.
  child.stdin.on('error', () => undefined)

  let head: Buffer | null = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === null) {
      if (!response.write(chunk)) child.stdout.pause()
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end >= 0) {
      const { status, fields } = parseCgiHead(head.toString('latin1', 0, end))
      response.writeHead(status, fields)
      response.write(head.subarray(end + 4))
      head = null
    } else if (head.length > MAX_HEADER_BYTES) child.kill('SIGKILL')
  })
  response.on('drain', () => child.stdout.resume())
  // The client went away, or the server closes.
  response.on('close', () => {
    child.kill('SIGKILL')
    child.stdout.resume()
  })
  child.stderr.resume()

  return new Promise(resolve => {
    const end = (code: number | null) => {
      if (head === null && code === 0) response.end()
      // Half an answer must not look like a whole one.
      else if (head === null) response.destroy()
      else response.writeHead(500).end()
      resolve()
    }
    child.once('close', end)
    child.once('error', () => {
      end(null)
    })
  })
}

function parseCgiHead(head: string): { status: number; fields: Record<string, string> } {
  const fields: Record<string, string> = {}
  let status = 200
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else fields[name] = value
  }
  return { status, fields }
}
