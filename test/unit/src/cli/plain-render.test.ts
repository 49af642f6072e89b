import t from 'tap'
import { plainRender } from '../../../../src/cli/plain-render.js'

const cases: Record<string, { args: string[]; render: ReturnType<typeof plainRender> }> = {
  'the command alone': { args: ['generate'], render: { config: undefined } },
  'with its configuration': { args: ['generate', '--config', '/etc/g.yaml'], render: { config: '/etc/g.yaml' } },
  'no command': { args: [], render: null },
  'another command': { args: ['scan'], render: null },
  'a command below it': { args: ['generate', 'serve'], render: null },
  help: { args: ['generate', '--help'], render: null },
  'an option that is not known': { args: ['generate', '--cfg', 'x'], render: null },
  'a configuration that is not named': { args: ['generate', '--config'], render: null },
  'a configuration without a name': { args: ['generate', '--config', ''], render: null },
  'an option in the place of the name': { args: ['generate', '--config', '--help'], render: null },
  'more than the configuration': { args: ['generate', '--config', 'a', '--debug'], render: null },
  'an option of the program': { args: ['--debug', 'generate'], render: null },
}

for (const [name, { args, render }] of Object.entries(cases)) {
  t.test(name, t => {
    t.strictSame(plainRender(args), render)
    t.end()
  })
}
