import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockkeeper } from '../command.js'
import { CLI } from '../repository.js'
import type { ArgoCDPlugin } from './argocd-plugin.js'
import type { Testbed } from './testbed.js'

/** One run of the plugin's command by argocd-cmp-server, as it ended. */
export interface GateCall {
  readonly application: string
  readonly revision: string
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The container of the gate beside repo-server: a directory that it shares with nobody, and what was run in it. */
export interface GateSidecar {
  /** What an Application names. */
  readonly pluginName: string
  readonly plugin: ArgoCDPlugin
  readonly config: string
  /** What was run for one revision of an Application, in no order. */
  calls(application: string, revision: string): readonly GateCall[]
}

export interface GateSidecarOptions {
  /** Its directory, and the name of its plugin. */
  readonly name: string
  /** Goes into the mounted configuration. */
  readonly configuration: Readonly<Record<string, unknown>>
  /** Also go there, beside the directory of the slots. */
  readonly limits?: Readonly<Record<string, number>>
  /** Of a scorer; else the gate judges in place. */
  readonly socket?: string
}

/** Prepares the gate with a command that keeps what it says, byte by byte. */
export function prepareSidecar(bed: Testbed, options: GateSidecarOptions): GateSidecar {
  const { name, socket } = options
  const own = (...path: string[]) => join(bed.directory, 'gates', name, ...path)
  mkdirSync(own('calls'), { recursive: true })
  const programs = { lockkeeper: `"${process.execPath}" "${CLI}"`, node: `"${process.execPath}"` }
  for (const [program, command] of Object.entries(programs)) {
    writeFileSync(own(program), keeping(command, own('calls')))
    chmodSync(own(program), 0o755)
  }
  const config = own('generate.yaml')
  const configuration = {
    apiVersion: 'lockkeeper.dev/v1alpha1',
    kind: 'GenerateConfiguration',
    ...options.configuration,
    limits: { slotsDirectory: own('slots'), ...options.limits },
  }
  writeFileSync(config, JSON.stringify(configuration))
  const asked = socket === undefined ? [] : ['--socket', socket]
  const { stdout } = lockkeeper(['generate', 'plugin', '--config', config, ...asked])
  return {
    pluginName: `${name}-v1`,
    plugin: {
      manifest: stdout.replace('name: "lockkeeper"', `name: "${name}"`),
      env: { PATH: `${own()}:${process.env.PATH ?? ''}` },
    },
    config,
    calls: (application, revision) =>
      readdirSync(own('calls'))
        .filter(file => file.endsWith('.code'))
        .map(file => readCall(own('calls', file.slice(0, -'.code'.length))))
        .filter(call => call.application === application && call.revision === revision),
  }
}

/** The code is written last: what has one is whole. */
function keeping(command: string, directory: string): string {
  return `#!/bin/sh
call=$(mktemp "${directory}/XXXXXXXX")
printf '%s %s' "$ARGOCD_APP_NAME" "$ARGOCD_APP_REVISION" >"$call.of"
${command} "$@" >"$call.out" 2>"$call.err"
code=$?
printf %s $code >"$call.new" && mv "$call.new" "$call.code"
cat "$call.err" >&2
cat "$call.out"
exit $code
`
}

function readCall(path: string): GateCall {
  const text = (part: string) => readFileSync(`${path}.${part}`, 'utf8')
  const [application = '', revision = ''] = text('of').split(' ')
  return { application, revision, code: Number(text('code')), stdout: text('out'), stderr: text('err') }
}
