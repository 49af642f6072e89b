import type { IncomingMessage } from 'node:http'
import { GateError } from '../../src/errors.js'
import { liveAnswerText, parseLiveQuery } from '../../src/live-query.js'
import { type GateRecord, parseRecord } from '../../src/provenance/record.js'
import type { LiveAnswers } from '../live/live-answers.js'
import type { KeptRecords } from '../records/kept-records.js'
import { readBody } from './body.js'
import { Refusal } from './refusal.js'

/** What the routes are answered from. */
export interface RouteParts {
  readonly live: LiveAnswers
  /** null: none are kept here */
  readonly records: Pick<KeptRecords, 'store'> | null
  readonly onAppended: (
    counts: { readonly appended: number; readonly known: number },
    records: readonly GateRecord[],
  ) => void
  readonly onLive: (counts: { readonly found: number; readonly absent: number; readonly withheld: number }) => void
}

/** Answers one request with JSON text. */
type Handler = (request: IncomingMessage, query: URLSearchParams, signal: AbortSignal) => Promise<string>

/** One path with what may be done there. */
interface Route {
  readonly path: string
  readonly handlers: Readonly<Record<string, Handler>>
}

/** Ten thousand references by name. */
const MAX_QUERY_BYTES = 4 * 1024 * 1024
const MAX_RECORDS_BYTES = 1024 * 1024
const MAX_RECORDS = 2000
const MAX_FOUND = 100

/** What this API has: live objects for a gate, and records from one. */
export function createRoutes(parts: RouteParts): readonly Route[] {
  return [
    { path: '/v1/live', handlers: { POST: (request, _query, signal) => answerLive(parts, request, signal) } },
    {
      path: '/v1/records',
      handlers: {
        POST: request => appendRecords(parts, request),
        GET: (_request, query) => findRecords(parts, query),
      },
    },
  ]
}

async function answerLive(
  { live, onLive }: RouteParts,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<string> {
  const query = parseLiveQuery(await readBody(request, MAX_QUERY_BYTES))
  if (typeof query === 'string') throw new Refusal(400, query)
  try {
    const answer = await live(query, signal)
    const values = [...answer.objects.values()]
    const absent = values.filter(each => each === null).length
    const withheld = values.filter(each => each === 'withheld').length
    onLive({ found: values.length - absent - withheld, absent, withheld })
    return liveAnswerText(answer)
  } catch (thrown) {
    if (!(thrown instanceof GateError)) throw thrown
    const status = thrown.code === 'CONTROLLER_REFUSED' ? 422 : 503
    throw new Refusal(status, thrown.message, { cause: thrown })
  }
}

async function appendRecords({ records, onAppended }: RouteParts, request: IncomingMessage): Promise<string> {
  const store = storeOf(records)
  const lines = (await readBody(request, MAX_RECORDS_BYTES)).split('\n').filter(line => line !== '')
  if (lines.length > MAX_RECORDS) throw new Refusal(413, `there may be ${MAX_RECORDS} records at most`)
  const parsed = lines.map((line, index): GateRecord => {
    const record = parseRecord(line)
    if (typeof record === 'string') throw new Refusal(400, `record ${index + 1}: ${record}`)
    return record
  })
  try {
    const counts = await store.append(parsed)
    onAppended(counts, parsed)
    return JSON.stringify(counts)
  } catch (thrown) {
    if (!(thrown instanceof GateError)) throw thrown
    throw new Refusal(503, 'the records could not be written', { cause: thrown })
  }
}

async function findRecords({ records }: RouteParts, query: URLSearchParams): Promise<string> {
  const store = storeOf(records)
  const [by, ...more] = [...query.keys()]
  if ((by !== 'digest' && by !== 'subject') || more.length > 0) throw new Refusal(400, 'ask by digest or by subject')
  return JSON.stringify({ records: await store.find(by, query.get(by) ?? '', MAX_FOUND) })
}

function storeOf(records: RouteParts['records']): NonNullable<KeptRecords['store']> {
  if (records === null) throw new Refusal(503, 'this controller keeps no records')
  const { store } = records
  if (store === null) throw new Refusal(503, 'records are kept by the replica that leads, which is another one')
  return store
}
