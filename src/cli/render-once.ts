import { runGenerate } from '../../plugin/argocd/main.js'
import { write, type CliEnvironment } from './environment.js'

/** `lockkeeper generate` itself. @returns its exit code */
export async function renderOnce(config: string | undefined, environment: CliEnvironment): Promise<number> {
  const { env, now, signal } = environment
  const { exitCode, stdout, stderr } = await runGenerate(config, { directory: process.cwd(), env, now, signal })
  await write(environment.stderr, stderr)
  await write(environment.stdout, stdout)
  return exitCode
}
