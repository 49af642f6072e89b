import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LogFields, Logger } from '../../../../src/io/log.js'
import { createAuthority, issueLeaf, type KeyedCertificate } from '../../../../src/io/certificates/authority.js'
import { createCertificateFiles } from '../../../../src/io/certificates/certificate-files.js'
import { createExpiryWarning, secondsUntilExpiry } from '../../../../webhook/certificates/expiry.js'
import { type CertificateMaterial, materialOf } from '../../../../src/io/certificates/material.js'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-07-01T12:00:00Z')
const authority = createAuthority(NOW)
const newLeaf = (days = 0) => issueLeaf(authority, ['gate.lk.svc'], NOW + days * DAY_MS)

function createLog() {
  const lines: { message: string; fields: LogFields }[] = []
  const write = (message: string, fields: LogFields = {}): void => {
    lines.push({ message, fields })
  }
  const log: Logger = { debug: write, info: write, warn: write, error: write }
  return { log, take: () => lines.splice(0, lines.length) }
}

/** A mounted Secret: the files are links into `..data`, which is a link that is replaced at once. */
function createMount(t: Test) {
  const directory = t.testdir({})
  let revision = 0
  const names = ['tls.crt', 'tls.key', 'ca.crt']
  for (const name of names) symlinkSync(join('..data', name), join(directory, name))
  const file = (name: string) => join(directory, name)
  return {
    files: { certFile: file('tls.crt'), keyFile: file('tls.key'), caFile: file('ca.crt') },
    file,
    write: ({ cert, key }: KeyedCertificate, ca: string) => {
      revision += 1
      const target = `..${revision}`
      mkdirSync(file(target))
      for (const [index, text] of [cert, key, ca].entries()) writeFileSync(file(join(target, names[index] ?? '')), text)
      symlinkSync(target, file('..data_tmp'))
      renameSync(file('..data_tmp'), file('..data'))
    },
    overwrite: (name: string, text: string) => {
      writeFileSync(file(name), text)
    },
  }
}

async function start(files: { certFile: string; keyFile: string; caFile?: string }, now = NOW) {
  const { log, take } = createLog()
  const timers: { delayMs: number; callback: () => void }[] = []
  const changes: CertificateMaterial[] = []
  const closing = new AbortController()
  const certificates = await createCertificateFiles({
    ...files,
    clock: {
      monotonicMs: () => now,
      date: () => new Date(now),
      random: () => 0,
      wait: (delayMs, signal) =>
        new Promise(resolve => {
          const timer = { delayMs, callback: resolve }
          timers.push(timer)
          signal?.addEventListener('abort', () => {
            timers.splice(timers.indexOf(timer), 1)
            resolve()
          })
        }),
    },
    log,
    signal: closing.signal,
    onChange: material => changes.push(material),
  })
  return { certificates, take, changes, closing, delays: () => timers.map(each => each.delayMs), timers }
}

t.test('a mounted certificate is followed, and nothing half of it is taken', async t => {
  const mount = createMount(t)
  const first = newLeaf()
  mount.write(first, authority.cert)
  const { certificates, take, changes, closing, delays, timers } = await start(mount.files)
  const firstMaterial = materialOf({ ...first, caBundle: authority.cert })
  t.strictSame(certificates.current(), firstMaterial)
  t.equal(certificates.caBundle(), authority.cert)
  t.strictSame(delays(), [10_000])

  await certificates.refresh()
  t.strictSame([take(), changes], [[], []], 'nothing has changed')

  const second = newLeaf()
  mount.overwrite('tls.crt', second.cert)
  for (let i = 0; i < 3; i += 1) await certificates.refresh()
  t.strictSame(take(), [
    {
      message: 'the certificate stays what it was',
      fields: {
        file: mount.files.certFile,
        error: `${mount.files.keyFile}: is not the key of ${mount.files.certFile}`,
      },
    },
  ])
  t.strictSame([certificates.current(), changes], [firstMaterial, []])

  mount.write(second, authority.cert)
  const [timer] = timers.splice(0, 1)
  timer?.callback()
  while (delays().length === 0) await new Promise(setImmediate)
  const secondMaterial = materialOf({ ...second, caBundle: authority.cert })
  t.strictSame([certificates.current(), changes], [secondMaterial, [secondMaterial]])
  t.strictSame(take(), [
    {
      message: 'the certificate was changed',
      fields: { file: mount.files.certFile, notAfter: secondMaterial.notAfter.toISOString() },
    },
  ])

  mount.overwrite('tls.key', 'garbage')
  await certificates.refresh()
  mount.overwrite('tls.key', second.key)
  await certificates.refresh()
  mount.overwrite('tls.key', 'garbage')
  await certificates.refresh()
  t.equal(take().length, 2, 'what happens again is told again')

  certificates.published([])
  closing.abort()
  t.strictSame(delays(), [])
})

t.test('files that are no certificate', async t => {
  const other = createAuthority(NOW)
  const leaf = newLeaf()
  const { certFile, keyFile, caFile } = createMountWith(t, leaf)
  const cases: Record<string, { file: string; text: string; message: string }> = {
    'no certificate': { file: certFile, text: 'x', message: `${certFile}: holds no certificate` },
    'no key': { file: keyFile, text: 'x', message: `${keyFile}: holds no private key` },
    'another key': { file: keyFile, text: newLeaf().key, message: `${keyFile}: is not the key of ${certFile}` },
    'no authority': { file: caFile, text: 'x', message: `${caFile}: holds no certificate` },
    'another authority': { file: caFile, text: other.cert, message: `${certFile}: was not signed by ${caFile}` },
  }
  const texts = { [certFile]: leaf.cert, [keyFile]: leaf.key, [caFile]: authority.cert }
  for (const [name, { file, text, message }] of Object.entries(cases)) {
    writeFileSync(file, text)
    await t.rejects(start({ certFile, keyFile, caFile }), { code: 'CONFIG_INVALID', message }, name)
    writeFileSync(file, texts[file] ?? '')
  }
  await t.rejects(start({ certFile: `${certFile}.none`, keyFile }), { code: 'FILE_UNREADABLE' })
})

function createMountWith(t: Test, leaf: KeyedCertificate) {
  const mount = createMount(t)
  mount.write(leaf, authority.cert)
  return mount.files
}

t.test('the authority is at the end of the chain where it has no file of its own', async t => {
  const mount = createMount(t)
  const leaf = newLeaf()
  const { certFile, keyFile } = mount.files
  mount.write({ cert: leaf.cert + authority.cert, key: leaf.key }, '')
  t.equal((await start({ certFile, keyFile })).certificates.caBundle(), authority.cert)
  mount.write(authority, '')
  t.equal((await start({ certFile, keyFile })).certificates.caBundle(), authority.cert, 'signed by itself')
  mount.write({ cert: leaf.cert + createAuthority(NOW).cert, key: leaf.key }, '')
  await t.rejects(start({ certFile, keyFile }), { code: 'CONFIG_INVALID' })
})

t.test('an expired certificate is served, with a warning', async t => {
  const mount = createMount(t)
  const leaf = newLeaf()
  mount.write(leaf, authority.cert)
  const { certificates, take } = await start(mount.files, NOW + 100 * DAY_MS)
  t.strictSame(take(), [
    {
      message: 'the certificate is not valid at this time',
      fields: { file: mount.files.certFile, notAfter: '2026-09-29T12:00:00.000Z' },
    },
  ])
  t.equal(certificates.current().cert, leaf.cert)
})

t.test('how long it holds', t => {
  const material = materialOf({ ...newLeaf(), caBundle: createAuthority(NOW + DAY_MS).cert + authority.cert })
  t.strictSame(secondsUntilExpiry(material, NOW), { leaf: 90 * 86_400, authority: 365 * 86_400 })
  t.strictSame(secondsUntilExpiry(material, NOW + 91 * DAY_MS), { leaf: -86_400, authority: 274 * 86_400 })
  const { log, take } = createLog()
  const check = createExpiryWarning(log)
  const at = (days: number) => {
    check(material, NOW + days * DAY_MS)
    return take().map(({ message, fields }) => `${message} (${fields.notAfter})`)
  }
  const end = '(2026-09-29T12:00:00.000Z)'
  t.strictSame(at(60), [])
  t.strictSame(at(60.01), [`the certificate ends within 30 days ${end}`])
  t.strictSame(at(61), [], 'once a day')
  t.strictSame(at(61.01), [`the certificate ends within 29 days ${end}`])
  t.strictSame(at(90), [`the certificate has ended ${end}`])
  t.strictSame(at(340), [
    `the certificate has ended ${end}`,
    'the certificate authority ends within 25 days (2027-07-01T12:00:00.000Z)',
  ])
  t.end()
})
