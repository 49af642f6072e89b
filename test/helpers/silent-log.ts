import { Writable } from 'node:stream'
import { createLogger, type Logger } from '../../src/io/log.js'

/** A logger that writes into `lines`, or nowhere. */
export function silentLog(lines: string[] = []): Logger {
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  return createLogger({ component: 'test', level: 'debug', stream })
}
