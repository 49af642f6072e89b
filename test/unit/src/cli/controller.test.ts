import t from 'tap'
import { lockkeeper } from '../../../helpers/command.js'

t.test('what flags of the API say together is checked before anything starts', t => {
  const cases: Record<string, { args: string[]; says: RegExp }> = {
    'a certificate without its key, and nobody who may call': {
      args: ['--api-tls-cert', 'a'],
      says: /--api-tls-cert and --api-tls-key go together[^]*--api-tls-cert needs --api-caller: nobody else may call/,
    },
    'a key without its certificate': {
      args: ['--api-tls-key', 'a'],
      says: /--api-tls-cert and --api-tls-key go together/,
    },
    'a URL and records, and nobody who may call': {
      args: ['--api-url', 'http://a', '--records-directory', 'b'],
      says: /--api-url: http:..a is no URL with https:[^]*--api-url needs --api-caller[^]*--records-directory needs --api-caller/,
    },
    'warnings to be told, and no records': {
      args: ['--api-caller', 'a', '--warning-events', '--warning-annotations'],
      says: /--warning-events needs --records-directory[^]*--warning-annotations needs --records-directory/,
    },
    'callers and records, but no cluster': {
      args: ['--api-caller', 'a', '--records-directory', 'b', '--probe-port', '0'],
      says: /no cluster to talk to/,
    },
    'all of it, but no cluster': {
      args: ['--api-tls-cert', 'a', '--api-tls-key', 'b', '--api-caller', 'c', '--probe-port', '0'],
      says: /no cluster to talk to/,
    },
  }
  for (const [name, { args, says }] of Object.entries(cases)) {
    const { status, stderr, stdout } = lockkeeper(['controller', ...args])
    t.equal(status, 2, name)
    t.match(stderr, says, name)
    t.equal(stdout, '', name)
  }
  t.end()
})
