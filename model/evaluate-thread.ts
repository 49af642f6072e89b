import { parentPort, workerData } from 'node:worker_threads'
import { GateError, toGateError } from '../src/errors.js'
import { readCorpus, type CorpusRecord } from './corpus.js'
import type { ThreadMessage, ThreadResult, ThreadTask } from './evaluate.js'
import { CorpusHistory } from './history.js'
import type { CorpusFiles } from './matrices.js'
import type { Scored, ScorerModule } from './scorer.js'

/** So many results go in one message. */
const BATCH = 256

const { files, scorer: address, thread, threads } = workerData as ThreadTask
const post = (message: ThreadMessage): void => parentPort?.postMessage(message)

try {
  await scoreAll()
} catch (error) {
  const { code, message } = toGateError(error, 'INTERNAL')
  post({ kind: 'failed', code, message })
}

/** Everybody needs the whole history, and scores a part of the records. */
async function scoreAll(): Promise<void> {
  const scorer = await ((await import(address)) as ScorerModule).createScorer()
  const history = new CorpusHistory()
  await score('manifests', record => {
    history.add(record)
    return () => scorer.scoreObject(record.object)
  })
  for await (const record of readCorpus(files.changes)) history.add(record)
  await score('changes', record => () => scorer.scoreChange(record.old ?? {}, record.object, history.before(record)))
}

/** @param take is given every record, and returns how to score it */
async function score(
  set: keyof CorpusFiles,
  take: (record: CorpusRecord) => () => Scored | Promise<Scored>,
): Promise<void> {
  let results: ThreadResult[] = []
  let place = 0
  for await (const record of readCorpus(files[set])) {
    const ask = take(record)
    if (place % threads === thread) {
      const scored = await ask()
      const { id, source, truth } = record
      if (!Number.isFinite(scored.score) || (scored.anomaly !== null && !Number.isFinite(scored.anomaly))) {
        throw new GateError('INTERNAL', `${files[set]}:${record.line}: the score of ${id} is not a number`)
      }
      results.push({ ...scored, id, source, truth, set, place })
    }
    place += 1
    if (results.length === BATCH) {
      post({ kind: 'scored', results })
      results = []
    }
  }
  post({ kind: 'scored', results })
}
