import { readFile } from 'node:fs/promises'
import type { DecisionLogEvent } from '../../../src/io/decision-log/event.js'
import type { Decision } from '../../../src/decision-types.js'
import type { RequestFacts } from '../../../src/admission-record.js'
import { waitFor } from './processes.js'

/** One event of a decision log, as tests read it. */
export interface JudgedRequest {
  readonly request: Omit<RequestFacts, 'username' | 'groups'>
  readonly user: string
  /** As far as the log has it; where the request could not be judged, what was answered. */
  readonly decision: Pick<Decision, 'id' | 'subject' | 'allowed' | 'action' | 'actions' | 'unchanged'> &
    Pick<Decision, 'provenance' | 'violations' | 'degraded'>
  readonly error: DecisionLogEvent['error'] | null
}

/** What a webhook wrote into its decision log. */
export interface DecisionLogReader {
  /** Takes out what came since the last time: all, or what the filter chooses. */
  take(filter?: (judged: JudgedRequest) => boolean): Promise<JudgedRequest[]>
  /** Waits until so many that the filter chooses are there, and takes them. */
  await(count: number, filter: (judged: JudgedRequest) => boolean): Promise<JudgedRequest[]>
}

/** Reads the file that a webhook writes with `--decision-log <file>`. */
export function createDecisionLogReader(file: string): DecisionLogReader {
  let position = 0
  let waiting: JudgedRequest[] = []

  async function read(): Promise<void> {
    const bytes = await readFile(file).catch((error: unknown) => {
      // It is made with the first event.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    // A last line without its end is left for the next time.
    const end = bytes.lastIndexOf('\n') + 1
    const text = bytes.subarray(position, end).toString('utf8')
    position = end
    waiting.push(...text.split('\n').flatMap(line => (line === '' ? [] : [judgedRequest(line)])))
  }

  return {
    take: async (filter = () => true) => {
      await read()
      const taken = waiting.filter(filter)
      waiting = waiting.filter(each => !taken.includes(each))
      return taken
    },
    await: async (count, filter) => {
      const found = await waitFor(`${count} events of the decision log`, async () => {
        await read()
        const taken = waiting.filter(filter)
        return taken.length >= count ? taken : null
      })
      waiting = waiting.filter(each => !found.includes(each))
      return found
    },
  }
}

function judgedRequest(line: string): JudgedRequest {
  const { input, result, error = null } = JSON.parse(line) as DecisionLogEvent
  const { request, actor } = input as unknown as Pick<JudgedRequest, 'request'> & { actor: { user: string } }
  return { request, user: actor.user, decision: result as unknown as JudgedRequest['decision'], error }
}

/** `policy=action` for each policy with violations, sorted. */
export function foundPolicies({ violations }: Pick<Decision, 'violations'>): readonly string[] {
  return [...new Set(violations.map(each => `${each.policy}=${each.enforcementAction}`))].sort()
}
