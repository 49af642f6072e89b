import express, { type ErrorRequestHandler, type Express } from 'express'
import { thrownText } from '../src/errors.js'
import type { TokenOwner } from '../src/io/cluster/token-review.js'
import type { Logger } from '../src/io/log.js'
import type { BundleFiles } from '../src/policy/bundle.js'

export interface BundleServerOptions {
  /** The bundle in force; null: there is none yet. */
  readonly bundle: () => { readonly files: BundleFiles; readonly digest: string } | null
  /** Whose token it is; null: nobody's that may read bundles. */
  readonly ownerOf: (token: string) => Promise<TokenOwner | null>
  readonly pack: (files: BundleFiles) => Buffer
  readonly log: Logger
}

/** What a token for this server must be made for: another one cannot be replayed here. */
export const BUNDLE_AUDIENCE = 'lockkeeper-bundle'

/** `GET /bundle`: the bundle in force as `.tar.gz`, with its digest as ETag, for whoever shows a token for it. */
export function createBundleApp({ bundle, ownerOf, pack, log }: BundleServerOptions): Express {
  let packed: { readonly digest: string; readonly bytes: Buffer } | null = null
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.get('/bundle', async (request, response) => {
    const token = /^Bearer ([\w.~+/=-]{1,16384})$/.exec(request.headers.authorization ?? '')?.[1]
    const owner = token === undefined ? null : await ownerOf(token)
    if (owner === null) {
      response
        .status(401)
        .set('www-authenticate', 'Bearer')
        .type('text/plain')
        .send(`show a token for the audience ${BUNDLE_AUDIENCE}\n`)
      return
    }
    const found = bundle()
    if (found === null) {
      response.status(503).type('text/plain').send('there is no bundle yet\n')
      return
    }
    const etag = `"${found.digest}"`
    response.set('etag', etag)
    if (request.headers['if-none-match'] === etag) {
      response.status(304).end()
      return
    }
    if (packed?.digest !== found.digest) packed = { digest: found.digest, bytes: pack(found.files) }
    log.info('the bundle was read', { username: owner.username, bundle: found.digest })
    response.type('application/gzip').send(packed.bytes)
  })
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('there is only /bundle\n')
  })
  const answerFailure: ErrorRequestHandler = (thrown, _request, response, _next) => {
    log.warn('the bundle could not be given', { error: thrownText(thrown) })
    if (response.headersSent) response.destroy()
    else response.status(503).type('text/plain').send('try again\n')
  }
  app.use(answerFailure)
  return app
}
