import type { JsonObject } from '../../json.js'

/** How a directory becomes manifests: the tool, and everything Argo CD would tell it. */
export type RenderSource = HelmSource | KustomizeSource | DirectorySource | CommandSource

/** What `helm template` is given. */
export interface HelmSource {
  readonly tool: 'helm'
  readonly releaseName: string
  readonly namespace?: string
  readonly kubeVersion?: string
  readonly apiVersions: readonly string[]
  /** Relative to the directory, or to the tree's root with a leading `/`; globs are expanded. */
  readonly valueFiles: readonly string[]
  readonly ignoreMissingValueFiles: boolean
  /** The text of a further values file, YAML or JSON; it goes over the files. */
  readonly values?: string
  readonly parameters: readonly { readonly name: string; readonly value: string; readonly forceString: boolean }[]
  readonly fileParameters: readonly { readonly name: string; readonly path: string }[]
  readonly skipCrds: boolean
  readonly skipTests: boolean
  readonly skipSchemaValidation: boolean
}

/** What a kustomization is changed by, and what `kustomize build` is given. */
export interface KustomizeSource {
  readonly tool: 'kustomize'
  readonly namePrefix?: string
  readonly nameSuffix?: string
  readonly namespace?: string
  readonly images: readonly string[]
  readonly replicas: readonly { readonly name: string; readonly count: number }[]
  readonly commonLabels: Readonly<Record<string, string>>
  readonly commonAnnotations: Readonly<Record<string, string>>
  readonly commonAnnotationsEnvsubst: boolean
  readonly forceCommonLabels: boolean
  readonly forceCommonAnnotations: boolean
  readonly labelWithoutSelector: boolean
  readonly labelIncludeTemplates: boolean
  readonly components: readonly string[]
  readonly ignoreMissingComponents: boolean
  readonly patches: readonly JsonObject[]
  /** Flags of `kustomize build`, each an argument of its own. */
  readonly buildOptions: readonly string[]
  readonly kubeVersion?: string
  readonly apiVersions: readonly string[]
}

/** Which files of a directory are manifests. */
export interface DirectorySource {
  readonly tool: 'directory'
  readonly recurse: boolean
  /** Glob patterns over paths below the directory; '' for none. */
  readonly include: string
  readonly exclude: string
}

/** Any other renderer: an argument list, which prints manifests. */
export interface CommandSource {
  readonly tool: 'command'
  readonly command: readonly string[]
}
