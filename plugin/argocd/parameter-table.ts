/** The kinds of values that a plugin parameter of Argo CD can have. */
export type ParameterValue = string | readonly string[] | Readonly<Record<string, string>>

/** One parameter of the plugin: how Argo CD's UI shows it, and what may stand in it. */
export interface Parameter {
  readonly title: string
  readonly tooltip: string
  readonly collectionType: 'string' | 'array' | 'map'
  /** What the texts of the value are read as. */
  readonly itemType: 'string' | 'boolean' | 'number'
  /** The only tool that it means something to; null: all. */
  readonly tool: 'helm' | 'kustomize' | 'directory' | null
  /** What holds where an Application says nothing, as the UI shows it. */
  readonly default: ParameterValue
  /** The UI is shown what is in the directory, by `lockkeeper generate parameters`. */
  readonly isRead?: true
}

type Tool = 'helm' | 'kustomize' | 'directory'

function flag(tool: Tool, title: string, tooltip: string): Parameter {
  return { title, tooltip, collectionType: 'string', itemType: 'boolean', tool, default: 'false' }
}

function text(tool: Tool | null, title: string, tooltip: string, value = ''): Parameter {
  return { title, tooltip, collectionType: 'string', itemType: 'string', tool, default: value }
}

function list(tool: Tool | null, title: string, tooltip: string): Parameter {
  return { title, tooltip, collectionType: 'array', itemType: 'string', tool, default: [] }
}

function map(tool: Tool, title: string, tooltip: string, itemType: 'string' | 'number' = 'string'): Parameter {
  return { title, tooltip, collectionType: 'map', itemType, tool, default: {} }
}

/** Every parameter of the plugin: what is read from an Application, announced to the UI and written to plugin.yaml. */
export const PARAMETERS = {
  tool: text(null, 'Tool', 'helm, kustomize, directory, or a renderer named in the mounted configuration', 'auto'),
  'kube-version': text(null, 'Kubernetes version', 'The version that is rendered for; empty: that of the destination'),
  'api-versions': list(null, 'API versions', 'What is rendered for, such as apps/v1; empty: those of the destination'),

  'helm-release-name': text('helm', 'Release name', 'Empty: the name of the Application'),
  'helm-namespace': text('helm', 'Release namespace', 'Empty: the namespace of the destination'),
  'helm-value-files': {
    ...list(
      'helm',
      'Values files',
      'Paths from the directory of the chart, or from the root of the repository with a /',
    ),
    isRead: true,
  },
  'helm-ignore-missing-value-files': flag(
    'helm',
    'Ignore missing values files',
    'Go on where a values file is not there',
  ),
  'helm-values': text('helm', 'Values', 'A text of YAML; it goes over the values files'),
  'helm-parameters': { ...map('helm', 'Parameters', 'Values by their path, as helm --set takes them'), isRead: true },
  'helm-string-parameters': map('helm', 'String parameters', 'As helm --set-string takes them'),
  'helm-file-parameters': map('helm', 'File parameters', 'Paths of files by the path of a value, as helm --set-file'),
  'helm-skip-crds': flag('helm', 'Skip CRDs', 'Leave out the custom resource definitions of the chart'),
  'helm-skip-tests': flag('helm', 'Skip tests', 'Leave out the test hooks of the chart'),
  'helm-skip-schema-validation': flag('helm', 'Skip schema validation', "Do not validate values by the chart's schema"),

  'kustomize-name-prefix': text('kustomize', 'Name prefix', 'Put before the names of all objects'),
  'kustomize-name-suffix': text('kustomize', 'Name suffix', 'Put behind the names of all objects'),
  'kustomize-namespace': text('kustomize', 'Namespace', 'The namespace of all objects'),
  'kustomize-images': {
    ...list('kustomize', 'Images', 'name=newName:tag, name:tag or name=newName@digest'),
    isRead: true,
  },
  'kustomize-replicas': map('kustomize', 'Replicas', 'Counts by the name of the workload', 'number'),
  'kustomize-common-labels': map('kustomize', 'Common labels', 'Added to all objects'),
  'kustomize-common-annotations': map('kustomize', 'Common annotations', 'Added to all objects'),
  'kustomize-common-annotations-envsubst': flag(
    'kustomize',
    'Substitute in annotations',
    'Replace $NAMES of the build environment in the common annotations',
  ),
  'kustomize-force-common-labels': flag('kustomize', 'Force labels', 'Also over labels that the kustomization sets'),
  'kustomize-force-common-annotations': flag('kustomize', 'Force annotations', 'Also over those that are there'),
  'kustomize-label-without-selector': flag('kustomize', 'Labels without selectors', 'Leave selectors as they are'),
  'kustomize-label-include-templates': flag('kustomize', 'Labels in templates', 'Also label the templates of Pods'),
  'kustomize-components': list('kustomize', 'Components', 'Directories of components that are added'),
  'kustomize-ignore-missing-components': flag('kustomize', 'Ignore missing components', 'Go on where one is not there'),
  'kustomize-patches': list('kustomize', 'Patches', 'Each one a mapping with patch or path, target and options'),

  'directory-recurse': flag('directory', 'Recurse', 'Also read the directories below'),
  'directory-include': text('directory', 'Include', 'A glob pattern: only files that fit'),
  'directory-exclude': text('directory', 'Exclude', 'A glob pattern: no files that fit'),
} as const satisfies Readonly<Record<string, Parameter>>

export type ParameterName = keyof typeof PARAMETERS

/** The table as a list, in its order. */
export const PARAMETER_LIST: readonly (readonly [ParameterName, Parameter])[] = Object.entries(PARAMETERS) as [
  ParameterName,
  Parameter,
][]

/** A parameter as Argo CD's UI is told of it. */
export interface Announcement {
  readonly name: string
  readonly title: string
  readonly tooltip: string
  readonly required: false
  readonly itemType: string
  readonly collectionType: string
  readonly string?: string
  readonly array?: readonly string[]
  readonly map?: Readonly<Record<string, string>>
}

/**
 * The announcement of one parameter.
 *
 * @see Argo CD 3.5, reposerver/repository/repository.proto, ParameterAnnouncement
 */
export function announce(
  name: ParameterName,
  { value, tooltip }: { readonly value?: ParameterValue; readonly tooltip?: string } = {},
): Announcement {
  const parameter: Parameter = PARAMETERS[name]
  return {
    name,
    title: parameter.title,
    tooltip: tooltip ?? parameter.tooltip,
    required: false,
    itemType: parameter.itemType,
    collectionType: parameter.collectionType,
    [parameter.collectionType]: value ?? parameter.default,
  }
}
