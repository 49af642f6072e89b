import { writeFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { GateError, thrownText } from '../src/errors.js'
import type { CorpusFiles } from './matrices.js'
import { figuresOf, type Figures, type ScoredRecord } from './metrics.js'

/** What one thread is told. */
export interface ThreadTask {
  readonly files: CorpusFiles
  /** The address of the module that makes the scorer. */
  readonly scorer: string
  /** It takes every `threads`-th record, from its own on. */
  readonly thread: number
  readonly threads: number
}

/** A record that a thread scored, and its place in its file. */
export interface ThreadResult extends ScoredRecord {
  readonly set: keyof CorpusFiles
  readonly place: number
}

/** What a thread answers with: some records, and a last message that says how it ended. */
export type ThreadMessage =
  | { readonly kind: 'scored'; readonly results: readonly ThreadResult[] }
  | { readonly kind: 'failed'; readonly code: GateError['code']; readonly message: string }

/** How an evaluation is asked for. */
export interface EvaluateOptions {
  readonly files: CorpusFiles
  /** The address of a module that exports `createScorer`. */
  readonly scorer: URL
  readonly threads: number
  /** A file for one line a record: `{id, score, anomaly, band}`. */
  readonly scores?: string
}

/** The figures of the object model and of the change model. */
export type Evaluation = Readonly<Record<keyof CorpusFiles, Figures>>

/**
 * Scores all records of a corpus and compares the scores with what is known. Objects are scored by themselves, changes with
 * the history that `CorpusHistory` gives them.
 *
 * @throws GateError FILE_UNREADABLE, FILE_UNWRITABLE, MANIFEST_SYNTAX or MANIFEST_INVALID, and what the scorer throws
 */
export async function evaluate({ files, scorer, threads, scores }: EvaluateOptions): Promise<Evaluation> {
  const tasks = Array.from({ length: threads }, (_, thread) => ({ files, scorer: scorer.href, thread, threads }))
  const results = (await Promise.all(tasks.map(runThread))).flat()
  const inOrder = (set: keyof CorpusFiles): readonly ThreadResult[] =>
    results.filter(each => each.set === set).sort((a, b) => a.place - b.place)
  const [manifests, changes] = [inOrder('manifests'), inOrder('changes')]
  if (scores !== undefined) {
    const lines = [...manifests, ...changes].map(
      ({ id, score, anomaly, band }) => `${JSON.stringify({ id, score, anomaly, band })}\n`,
    )
    try {
      await writeFile(scores, lines.join(''))
    } catch (error) {
      throw new GateError('FILE_UNWRITABLE', `${scores}: cannot be written: ${thrownText(error)}`, { cause: error })
    }
  }
  return { manifests: figuresOf(manifests), changes: figuresOf(changes) }
}

async function runThread(task: ThreadTask): Promise<readonly ThreadResult[]> {
  const results: ThreadResult[] = []
  const worker = new Worker(new URL('./evaluate-thread.js', import.meta.url), { workerData: task })
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: ThreadMessage) => {
      if (message.kind === 'scored') results.push(...message.results)
      else reject(new GateError(message.code, message.message))
    })
    worker.on('error', reject)
    worker.on('exit', code => {
      if (code === 0) resolve()
      else reject(new GateError('INTERNAL', `a thread of the evaluation ended with ${code}`))
    })
  })
  return results
}
