import type { SetDecision } from '../../src/decision-types.js'
import { GateError } from '../../src/errors.js'
import { type ControllerClient, createControllerClient } from '../../src/io/controller-client.js'
import type { Logger } from '../../src/io/log.js'
import { loadReceiptKeys } from '../../src/io/receipt-keys.js'
import { createRecorder, type Recorder } from '../../src/io/records/recorder.js'
import { createSpool } from '../../src/io/records/spool.js'
import type { LiveAnswer } from '../../src/live-objects.js'
import type { KubeObject } from '../../src/manifest.js'
import { matchesName } from '../../src/match.js'
import { RECEIPT_ANNOTATION, receiptDigest, receiptFor, type ReceiptSigner } from '../../src/provenance/receipt.js'
import { decisionRecord } from '../../src/provenance/record.js'
import type { Target } from '../../src/request.js'
import type { GenerateConfiguration } from './configuration.js'
import type { JudgeParts } from './judge.js'
import type { JudgeTask, Subject } from './judge-messages.js'

/** What judging asks of the world outside of the process, made from the mounted configuration. */
export type OutsideParts = Pick<JudgeParts, 'live' | 'annotations' | 'judged' | 'notes'>

/** What has not been sent by then waits in the spool for the next render. */
const FLUSH_MS = 1_000

/**
 * Makes the parts that the configuration names.
 *
 * @throws GateError FILE_UNREADABLE or CONFIG_INVALID for keys that cannot be used
 */
export async function createOutsideParts(configuration: GenerateConfiguration): Promise<OutsideParts> {
  const { controller, keys, records } = configuration
  const notes = new Set<string>()
  const client =
    controller === undefined ? null : createControllerClient({ ...controller, url: new URL(controller.url) })
  const signerFor = await loadSigners(keys, notes)
  const recorder = client === null || records === undefined ? null : openRecorder(records.spoolDirectory, client, notes)

  return {
    live: (subject, targets) =>
      client === null ? Promise.resolve('unknown') : askLive(client, subject, targets, notes),
    annotations: (object, subject) => {
      const signer = signerFor(subject.project)
      return signer === null ? {} : { [RECEIPT_ANNOTATION]: receiptFor(object, subject, signer) }
    },
    judged: async (set, task, objects) => {
      if (recorder === null) return
      await recorder.record(recordsOf(set, task, objects, signerFor(task.subject.project) !== null))
      await recorder.flush(FLUSH_MS)
    },
    notes: () => {
      const said = [...notes]
      notes.clear()
      return said
    },
  }
}

type Signers = (project: string) => ReceiptSigner | null

async function loadSigners(keys: GenerateConfiguration['keys'], notes: Set<string>): Promise<Signers> {
  if (keys === undefined) {
    notes.add('no keys are configured: objects get no receipts')
    return () => null
  }
  const signerIn = async (directory: string): Promise<ReceiptSigner | null> => {
    const signer = (await loadReceiptKeys(directory))?.signer ?? null
    if (signer === null) notes.add(`${directory} has no key that signs: objects get no receipts`)
    return signer
  }
  const main = await signerIn(keys.directory)
  const others = await Promise.all(
    keys.destinations.map(async ({ projects, directory }) => ({ projects, signer: await signerIn(directory) })),
  )
  return project => {
    const other = others.find(({ projects }) => matchesName(project, projects))
    return other === undefined ? main : other.signer
  }
}

/** Whoever cannot be asked costs the base, never the verdict. */
async function askLive(
  client: ControllerClient,
  subject: Subject,
  targets: readonly Target[],
  notes: Set<string>,
): Promise<LiveAnswer | 'unknown'> {
  const objects = targets.flatMap(({ group, version, kind, namespace, name }) =>
    name === undefined ? [] : [{ group, version, kind, name, ...(namespace === undefined ? {} : { namespace }) }],
  )
  try {
    return await client.live({ ...subject, objects })
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    notes.add(`judged without the live objects: ${error.message}`)
    return 'unknown'
  }
}

function openRecorder(directory: string, client: ControllerClient, notes: Set<string>): Recorder {
  const quiet = (): void => undefined
  const log: Logger = {
    debug: quiet,
    info: quiet,
    warn: (message, fields) => notes.add(fields?.error === undefined ? message : `${message}: ${fields.error}`),
    error: message => notes.add(message),
  }
  return createRecorder({ spool: createSpool({ directory, now: Date.now }), client, log })
}

/** A receipt is given where the whole set is allowed. */
function recordsOf(
  { allowed, decisions, errors }: SetDecision,
  { now, subject, revision }: JudgeTask,
  objects: readonly (KubeObject | null)[],
  hasReceipts: boolean,
) {
  const { application, project } = subject
  // What could not be judged has no Decision, so the two would not go together.
  const areAllowed = allowed && errors.length === 0
  return decisions.map((decision, index) => {
    const object = areAllowed && hasReceipts ? (objects[index] ?? null) : null
    const digest = object === null ? null : receiptDigest(object, subject)
    return decisionRecord({ at: now, application, project, revision }, decision, digest)
  })
}
