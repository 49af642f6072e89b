import t from 'tap'
import type { StoredVersion } from '../../../../../plugin/flux/artifact/stored-version.js'
import { type GateState, type Plan, planFor } from '../../../../../plugin/flux/gate/plan.js'

const artifact = { url: 'http://source/a.tar.gz', digest: 'sha256:a', revision: 'main@sha1:1', metadata: {} }
const version: StoredVersion = {
  digest: 'sha256:packed',
  size: 1,
  revision: 'main@sha1:1',
  sourceDigest: 'sha256:a',
  metadata: {},
  paths: ['shop'],
  decision: 'd',
  allowedAt: '2026-01-01T00:00:00Z',
}
const allowed = { inputs: 'i1', isAllowed: true }
const denied = { inputs: 'i1', isAllowed: false }
const reading = { artifact, inputs: 'i1' }
const problem = { reason: 'SourceNotFound', message: 'there is no GitRepository shop' }
const settled: GateState = {
  isSuspended: false,
  isAskedFor: false,
  paths: ['shop'],
  reading,
  judged: allowed,
  kept: { version, hasFile: true },
}

t.test('what a gate needs', t => {
  const cases: Record<string, { state: Partial<GateState>; plan: Plan }> = {
    'nothing but what is kept, where that was allowed': { state: {}, plan: { kind: 'publish' } },
    'a judgement, the first time': { state: { judged: null }, plan: { kind: 'judge', because: 'first look' } },
    'a judgement, the first time, also where something is kept already': {
      state: { judged: null, kept: null },
      plan: { kind: 'judge', because: 'first look' },
    },
    'a judgement, when anything that it depends on is another': {
      state: { reading: { artifact, inputs: 'i2' } },
      plan: { kind: 'judge', because: 'changed inputs' },
    },
    'a judgement of a denied one, when anything is another': {
      state: { judged: denied, reading: { artifact, inputs: 'i2' } },
      plan: { kind: 'judge', because: 'changed inputs' },
    },
    'a judgement, when somebody asks': { state: { isAskedFor: true }, plan: { kind: 'judge', because: 'asked for' } },
    'to hold what is kept, where the source is denied': { state: { judged: denied }, plan: { kind: 'hold' } },
    'to hold nothing, where nothing was ever allowed': {
      state: { judged: denied, kept: null },
      plan: { kind: 'hold' },
    },
    'to hold, where what is kept is lost and the source is another': {
      state: { judged: denied, kept: { version: { ...version, sourceDigest: 'sha256:b' }, hasFile: false } },
      plan: { kind: 'hold' },
    },
    'the artifact again, where its file is lost': {
      state: { kept: { version, hasFile: false } },
      plan: { kind: 'judge', because: 'artifact lost' },
    },
    'the artifact again, where its file is lost, though it is denied today': {
      state: { judged: denied, kept: { version, hasFile: false } },
      plan: { kind: 'judge', because: 'artifact lost' },
    },
    'the artifact, where it was allowed and never kept': {
      state: { kept: null },
      plan: { kind: 'judge', because: 'artifact not kept' },
    },
    'the artifact, where another one of the source is kept': {
      state: { kept: { version: { ...version, sourceDigest: 'sha256:b' }, hasFile: true } },
      plan: { kind: 'judge', because: 'artifact not kept' },
    },
    'the artifact, where the same one has another revision': {
      state: { kept: { version: { ...version, revision: 'main@sha1:0' }, hasFile: true } },
      plan: { kind: 'judge', because: 'artifact not kept' },
    },
    'the artifact, where it is cut to other paths': {
      state: { paths: ['shop', 'base'] },
      plan: { kind: 'judge', because: 'artifact not kept' },
    },
    'to wait, where there is nothing to judge': {
      state: { reading: { problem } },
      plan: { kind: 'wait', problem },
    },
    'to wait, even where somebody asks': {
      state: { reading: { problem }, isAskedFor: true, judged: null },
      plan: { kind: 'wait', problem },
    },
    'rest, while it is suspended': {
      state: { isSuspended: true, isAskedFor: true, judged: null, kept: null },
      plan: { kind: 'rest' },
    },
  }
  for (const [name, { state, plan }] of Object.entries(cases)) {
    t.strictSame(planFor({ ...settled, ...state }), plan, name)
  }
  t.end()
})
