import fc from 'fast-check'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DURABLE_FILES, type DurableFiles } from '../../../../../plugin/flux/artifact/durable-files.js'
import { type ArtifactStore, openArtifactStore, type StoreLoss } from '../../../../../plugin/flux/artifact/store.js'

const GATE = { namespace: 'shop', name: 'web' }
const OTHER = { namespace: 'shop', name: 'other' }

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const version = (revision: string) => ({
  revision,
  sourceDigest: digestOf(`source of ${revision}`),
  metadata: { origin: 'git' },
  paths: ['shop'],
  decision: 'd1',
  allowedAt: '2026-01-01T00:00:00Z',
})

async function keep(store: ArtifactStore, text: string, gate = GATE) {
  const work = await store.scratch()
  const file = join(work, 'artifact')
  writeFileSync(file, text)
  const kept = await store.keep(gate, file, version(text))
  rmSync(work, { recursive: true })
  return kept
}

/** What a store says and has of a gate, when it is opened. */
async function seen(directory: string, gate = GATE) {
  const losses: StoreLoss[] = []
  const store = await openArtifactStore(directory, loss => losses.push(loss))
  const current = store.current(gate)
  return {
    store,
    losses: losses.map(each => each.what),
    revision: current?.revision ?? null,
    text:
      current !== null && store.hasFile(gate, current.digest)
        ? readFileSync(store.fileOf(gate, current.digest), 'utf8')
        : null,
  }
}

t.test('an artifact that is kept', async t => {
  const directory = join(t.testdir(), 'artifacts')
  const { store } = await seen(directory)
  t.equal(store.current(GATE), null)
  const one = await keep(store, 'one')
  t.strictSame(one, { ...version('one'), digest: digestOf('one'), size: 3 })
  await keep(store, 'other', OTHER)

  await t.test('is there after a start, as it was', async t => {
    const { store: again, losses, text } = await seen(directory)
    t.strictSame(again.current(GATE), one)
    t.strictSame([text, losses], ['one', []])
    t.strictSame(again.gates(), [OTHER, GATE])
  })

  await t.test('stays beside the next one, and goes with the one after it', async t => {
    const names = () => readdirSync(join(directory, 'shop/web')).length
    await keep(store, 'two')
    t.ok(store.hasFile(GATE, digestOf('one')))
    t.equal(names(), 3)
    await keep(store, 'three')
    t.equal(names(), 3, 'the record and two files')
    t.strictSame(
      ['one', 'two', 'three'].map(each => store.hasFile(GATE, digestOf(each))),
      [false, true, true],
    )
    await keep(store, 'three')
    t.strictSame(
      ['one', 'two', 'three'].map(each => store.hasFile(GATE, digestOf(each))),
      [false, true, true],
      'the same again changes nothing',
    )
  })

  await t.test('is served no more when it is lost, and may be put back', async t => {
    await store.lose(GATE, digestOf('three'))
    t.equal(store.hasFile(GATE, digestOf('three')), false)
    t.equal(store.current(GATE)?.revision, 'three', 'what was allowed is known still')
    const work = await store.scratch()
    writeFileSync(join(work, 'a'), 'something else')
    writeFileSync(join(work, 'b'), 'three')
    t.equal(await store.restore(GATE, join(work, 'a')), false)
    t.equal(store.hasFile(GATE, digestOf('three')), false)
    t.equal(await store.restore(GATE, join(work, 'b')), true)
    t.ok(store.hasFile(GATE, digestOf('three')))
  })

  await t.test('goes with its gate', async t => {
    await store.forget(OTHER)
    t.strictSame(store.gates(), [GATE])
    t.notOk(existsSync(join(directory, 'shop/other')))
  })
})

t.test('a volume that is not as it was left', async t => {
  const file = `shop/web/${digestOf('two').slice(7)}.tar.gz`
  const cases: Record<string, { change: (directory: string) => void; found: object }> = {
    'a file with other bytes of the same length': {
      change: directory => {
        writeFileSync(join(directory, file), 'TWO')
      },
      found: { losses: [`${digestOf('two')} is not what it was`], revision: 'two', text: null },
    },
    'a file that is torn': {
      change: directory => {
        truncateSync(join(directory, file), 1)
      },
      found: { losses: [`${digestOf('two')} is not what it was`], revision: 'two', text: null },
    },
    'a file that is gone': {
      change: directory => {
        rmSync(join(directory, file))
      },
      found: { losses: [`${digestOf('two')} is not there`], revision: 'two', text: null },
    },
    'a record that is torn': {
      change: directory => {
        truncateSync(join(directory, 'shop/web/allowed.json'), 20)
      },
      found: { losses: ['the record of its artifacts cannot be read'], revision: null, text: null },
    },
    'a record of another form': {
      change: directory => {
        writeFileSync(join(directory, 'shop/web/allowed.json'), '{"format":2,"versions":[]}')
      },
      found: { losses: ['the record of its artifacts cannot be read'], revision: null, text: null },
    },
    'files that belong to nobody': {
      change: directory => {
        for (const name of ['allowed.json.next', `${'0'.repeat(64)}.tar.gz`, 'x']) {
          writeFileSync(join(directory, 'shop/web', name), 'x')
        }
        mkdirSync(join(directory, '.scratch/work-1'), { recursive: true })
        mkdirSync(join(directory, 'shop/never'))
        writeFileSync(join(directory, 'shop/never/a.tar.gz'), 'x')
      },
      found: { losses: [], revision: 'two', text: 'two' },
    },
  }
  for (const [name, { change, found }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const directory = join(t.testdir(), 'artifacts')
      const { store } = await seen(directory)
      await keep(store, 'one')
      await keep(store, 'two')
      change(directory)
      const { losses, revision, text } = await seen(directory)
      t.strictSame({ losses, revision, text }, found)
      const left = readdirSync(directory, { recursive: true }).filter(each =>
        /never|work-1|0{64}|next|x$/.test(String(each)),
      )
      t.strictSame(left, [], 'nothing is left that is no part of it')
    })
  }
})

/** The process, or the machine, is no more. */
class Killed extends Error {}

/**
 * Files that end with the process after so many steps. With `powerFails`, what was not synced may be torn or undone, as far as a
 * file system is free to do so.
 */
function mortal(
  stepsLeft: number,
  powerFails: boolean,
  dice: () => number,
): DurableFiles & { written(path: string): void } {
  let left = stepsLeft
  const unsynced = new Set<string>()
  const moves: { from: string; to: string; replaced: Buffer | null }[] = []
  const die = (): never => {
    if (powerFails) {
      for (const { from, to, replaced } of moves.splice(0).reverse()) {
        if (dice() < 0.5 || !existsSync(to)) continue
        mkdirSync(join(from, '..'), { recursive: true })
        renameSync(to, from)
        if (replaced !== null) writeFileSync(to, replaced)
      }
      for (const path of unsynced)
        if (existsSync(path)) truncateSync(path, Math.floor(readFileSync(path).length * dice()))
    }
    left = -1
    throw new Killed()
  }
  const step = () => {
    if (left < 0) throw new Killed()
    if (left === 0) die()
    left -= 1
  }
  return {
    written: path => unsynced.add(path),
    write: async (path, text) => {
      if (left === 0) writeFileSync(path, text.slice(0, Math.floor(text.length * dice())))
      step()
      unsynced.add(path)
      await DURABLE_FILES.write(path, text)
    },
    sync: async path => {
      step()
      await DURABLE_FILES.sync(path)
      unsynced.delete(path)
      const done = moves.filter(({ to }) => join(to, '..') === path)
      for (const each of done) moves.splice(moves.indexOf(each), 1)
    },
    rename: async (from, to) => {
      step()
      moves.push({ from, to, replaced: existsSync(to) ? readFileSync(to) : null })
      if (unsynced.delete(from)) unsynced.add(to)
      await DURABLE_FILES.rename(from, to)
    },
    remove: async path => {
      step()
      unsynced.delete(path)
      await DURABLE_FILES.remove(path)
    },
  }
}

t.test('whenever it ends, what was said to be in force is there whole', async t => {
  const root = t.testdir()
  let runs = 0
  const deaths = { before: 0, after: 0 }
  /** Two artifacts are about as many steps. */
  const lastStep = 24
  for (let steps = 0; steps <= lastStep; steps += 1) {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(['a', 'b'], ['a', 'b', 'a'], ['a', 'a', 'b']),
        fc.boolean(),
        fc.array(fc.constantFrom(0.1, 0.4, 0.6, 0.9), { minLength: 8, maxLength: 8 }),
        async (texts, isProcessOnly, rolls) => {
          runs += 1
          const directory = join(root, `run-${runs}`)
          let roll = 0
          const dice = () => rolls[roll++ % rolls.length] ?? 0
          let said: string | null = null
          let begun: string | null = null
          try {
            const files = mortal(steps, !isProcessOnly, dice)
            const store = await openArtifactStore(directory, () => undefined, files)
            for (const text of texts) {
              begun = text
              const work = join(directory, '.scratch', `in-${text}`)
              writeFileSync(work, text)
              files.written(work)
              said = (await store.keep(GATE, work, version(text))).revision
            }
          } catch (error) {
            if (!(error instanceof Killed) && !((error as Error).cause instanceof Killed)) throw error
          }
          const found = await seen(directory)
          // The last that was said, or the one that was on its way; never another, never a part of one.
          const isOneOfBoth = found.revision === said || found.revision === begun
          if (found.revision === said) deaths.before += 1
          else deaths.after += 1
          rmSync(directory, { recursive: true, force: true })
          return isOneOfBoth && found.losses.length === 0 && found.text === found.revision
        },
      ),
      { numRuns: 6 },
    )
  }
  t.ok(deaths.before > 20 && deaths.after > 1, `ended before ${deaths.before} times, after ${deaths.after} times`)
})

t.test('a volume that cannot be written', async t => {
  const directory = t.testdir({ file: 'a file' })
  await t.rejects(
    openArtifactStore(join(directory, 'file'), () => undefined),
    { code: 'FILE_UNWRITABLE' },
  )
})
