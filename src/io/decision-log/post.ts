import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { thrownText } from '../../errors.js'

/** The body of one POST and what its headers say of it. */
export interface Post {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** POSTs to one URL over connections that are kept. */
export interface Poster {
  /**
   * Sends and waits for the whole answer, whose body nobody reads.
   *
   * @returns the status, whatever it is; redirects are not followed
   */
  post(post: Post): Promise<number>
  /** Ends everything under way. */
  close(): void
}

/** @param timeoutMs for a whole POST, from the connection to the last byte of the answer */
export function createPoster({ url, timeoutMs }: { readonly url: URL; readonly timeoutMs: number }): Poster {
  const isHttps = url.protocol === 'https:'
  const agent = isHttps ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const running = new Set<AbortController>()

  const exchange = ({ body, headers }: Post, signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage): void => {
        response.on('error', reject).on('end', () => {
          resolve(response.statusCode ?? 0)
        })
        response.resume()
      }
      const options = { method: 'POST', headers: { ...headers, 'content-length': body.length }, agent, signal }
      const request = isHttps ? httpsRequest(url, options, answered) : httpRequest(url, options, answered)
      request.on('error', reject).end(body)
    })

  return {
    post: async post => {
      const controller = new AbortController()
      running.add(controller)
      const timer = setTimeout(() => {
        controller.abort(`no answer within ${timeoutMs} ms`)
      }, timeoutMs)
      try {
        return await exchange(post, controller.signal)
      } catch (error) {
        const reason = controller.signal.aborted ? String(controller.signal.reason) : thrownText(error)
        throw new Error(`${url.origin}: ${reason}`, { cause: error })
      } finally {
        clearTimeout(timer)
        running.delete(controller)
      }
    },
    close: () => {
      for (const controller of running) controller.abort('closed before an answer')
      agent.destroy()
    },
  }
}
