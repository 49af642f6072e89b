/**
 * Whether the arguments are those that argocd-cmp-server gives with every render: then there is nothing to be said of the
 * command line, and what reads it need not be loaded.
 *
 * @returns null: they are others
 */
export function plainRender(args: readonly string[]): { readonly config: string | undefined } | null {
  const [command, option, config, ...rest] = args
  if (command !== 'generate' || rest.length > 0) return null
  if (option === undefined) return { config: undefined }
  return option === '--config' && config !== undefined && /^[^-]/.test(config) ? { config } : null
}
