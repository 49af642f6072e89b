import fc from 'fast-check'
import { load } from 'js-yaml'
import t from 'tap'
import { readApplicationEnvironment } from '../../../../plugin/argocd/environment.js'
import { announce, PARAMETER_LIST } from '../../../../plugin/argocd/parameter-table.js'
import { readParameters, renderSourceOf } from '../../../../plugin/argocd/parameters.js'
import { pluginManifest } from '../../../../plugin/argocd/plugin-manifest.js'
import { problemsText, type Problem } from '../../../../src/fields.js'
import { parseJson } from '../../../../src/json.js'

const ENVIRONMENT = readApplicationEnvironment(
  { ARGOCD_APP_NAME: 'team_web', ARGOCD_APP_NAMESPACE: 'shop', KUBE_VERSION: '1.35', KUBE_API_VERSIONS: 'v1' },
  [],
)
const DEFAULTS = { commands: { jsonnet: ['jsonnet', '-y', 'main.jsonnet'] }, kustomizeBuildOptions: ['--enable-helm'] }

type Tool = 'helm' | 'kustomize' | 'directory'

function source(parameters: unknown, detected: Tool) {
  const problems: Problem[] = []
  const text = typeof parameters === 'string' ? parameters : JSON.stringify(parameters)
  const read = readParameters(text, problems)
  return { source: renderSourceOf(read, ENVIRONMENT, detected, DEFAULTS, problems), problems: problemsText(problems) }
}

const VERSIONS = { kubeVersion: '1.35', apiVersions: ['v1'] }
const FLAGS = { ignoreMissingValueFiles: false, skipCrds: false, skipTests: false, skipSchemaValidation: false }
const KUSTOMIZE_FLAGS = {
  commonAnnotationsEnvsubst: false,
  forceCommonLabels: false,
  forceCommonAnnotations: false,
  labelWithoutSelector: false,
  labelIncludeTemplates: false,
  ignoreMissingComponents: false,
}

const cases: Record<string, { parameters: unknown; detected: Tool; source: unknown }> = {
  'nothing said, a chart': {
    parameters: [],
    detected: 'helm',
    source: {
      tool: 'helm',
      releaseName: 'web',
      namespace: 'shop',
      ...VERSIONS,
      valueFiles: [],
      parameters: [],
      fileParameters: [],
      ...FLAGS,
    },
  },
  'everything said of a chart': {
    parameters: [
      { name: 'helm-release-name', string: 'r' },
      { name: 'helm-namespace', string: 'n' },
      { name: 'kube-version', string: '1.30' },
      { name: 'api-versions', array: ['batch/v1'] },
      { name: 'helm-value-files', array: ['a.yaml', '/b.yaml'] },
      { name: 'helm-ignore-missing-value-files', string: 'true' },
      { name: 'helm-values', string: 'a: 1' },
      { name: 'helm-parameters', map: { 'a.b': 'yes' } },
      { name: 'helm-string-parameters', map: { 'a.c': '1' } },
      { name: 'helm-file-parameters', map: { 'a.d': 'x.txt' } },
      { name: 'helm-skip-crds', string: 'true' },
      { name: 'helm-skip-tests', string: 'true' },
      { name: 'helm-skip-schema-validation', string: 'true' },
    ],
    detected: 'helm',
    source: {
      tool: 'helm',
      releaseName: 'r',
      namespace: 'n',
      kubeVersion: '1.30',
      apiVersions: ['batch/v1'],
      valueFiles: ['a.yaml', '/b.yaml'],
      ignoreMissingValueFiles: true,
      values: 'a: 1',
      parameters: [
        { name: 'a.b', value: 'yes', forceString: false },
        { name: 'a.c', value: '1', forceString: true },
      ],
      fileParameters: [{ name: 'a.d', path: 'x.txt' }],
      skipCrds: true,
      skipTests: true,
      skipSchemaValidation: true,
    },
  },
  'a kustomization': {
    parameters: [
      { name: 'kustomize-name-prefix', string: 'p-' },
      { name: 'kustomize-name-suffix', string: '-s' },
      { name: 'kustomize-namespace', string: 'n' },
      { name: 'kustomize-images', array: ['a=b:1'] },
      { name: 'kustomize-replicas', map: { web: '3' } },
      { name: 'kustomize-common-labels', map: { a: 'b' } },
      { name: 'kustomize-common-annotations', map: { c: 'd' } },
      { name: 'kustomize-components', array: ['../c'] },
      {
        name: 'kustomize-patches',
        array: ['patch: |-\n  - op: remove\n    path: /x\ntarget: {kind: Pod}', '{"path":"p.yaml"}'],
      },
    ],
    detected: 'kustomize',
    source: {
      tool: 'kustomize',
      namePrefix: 'p-',
      nameSuffix: '-s',
      namespace: 'n',
      images: ['a=b:1'],
      replicas: [{ name: 'web', count: 3 }],
      commonLabels: { a: 'b' },
      commonAnnotations: { c: 'd' },
      components: ['../c'],
      patches: [
        parseJson('{"patch":"- op: remove\\n  path: /x","target":{"kind":"Pod"}}'),
        parseJson('{"path":"p.yaml"}'),
      ],
      buildOptions: ['--enable-helm'],
      ...KUSTOMIZE_FLAGS,
      ...VERSIONS,
    },
  },
  'another tool than the one that was found': {
    parameters: [
      { name: 'tool', string: 'directory' },
      { name: 'directory-recurse', string: 'true' },
      { name: 'directory-exclude', string: 'x*' },
    ],
    detected: 'helm',
    source: { tool: 'directory', recurse: true, include: '', exclude: 'x*' },
  },
  'a renderer of the configuration': {
    parameters: [{ name: 'tool', string: 'jsonnet' }],
    detected: 'directory',
    source: { tool: 'command', command: ['jsonnet', '-y', 'main.jsonnet'] },
  },
}

for (const [name, { parameters, detected, source: wanted }] of Object.entries(cases)) {
  t.test(name, t => {
    const { source: found, problems } = source(parameters, detected)
    t.equal(problems, '')
    t.strictSame(found, wanted)
    t.end()
  })
}

const mistakes: Record<string, { parameters: unknown; problems: string }> = {
  'not JSON': {
    parameters: '[',
    problems: 'ARGOCD_APP_PARAMETERS: is not JSON: line 1: the text ends where JSON needs a value',
  },
  'no list': { parameters: {}, problems: 'ARGOCD_APP_PARAMETERS: must be a list' },
  'no name': {
    parameters: [{ string: 'x' }, 1],
    problems: 'parameters[0]: must be a mapping with a name\nparameters[1]: must be a mapping with a name',
  },
  'unknown names, one of them misspelled': {
    parameters: [
      { name: 'helmValues', string: 'a' },
      { name: 'constructor', string: 'a' },
    ],
    problems: 'helmValues: is not known here: is helm-values meant?\nconstructor: is not known here',
  },
  'values of other types': {
    parameters: [
      { name: 'helm-values', array: ['a'] },
      { name: 'helm-parameters', map: { a: 1 } },
      { name: 'helm-value-files', array: [{}] },
      { name: 'helm-namespace', string: 1 },
      { name: 'helm-skip-tests', string: 'yes' },
      { name: 'helm-release-name', string: 'a', extra: 1 },
    ],
    problems: [
      'helm-values: must have a value of the type string, has one of the type array',
      'helm-parameters: must be a map of strings',
      'helm-value-files: must be an array of strings',
      'helm-namespace: must be a string',
      'helm-skip-tests: must be true or false',
      'helm-release-name: has a member extra, which is not known here',
    ].join('\n'),
  },
  'the same twice': {
    parameters: [
      { name: 'helm-values', string: 'a' },
      { name: 'helm-values', string: 'b' },
    ],
    problems: 'helm-values: is there twice',
  },
  'a parameter of another tool, and an unknown tool': {
    parameters: [
      { name: 'kustomize-images', array: ['a'] },
      { name: 'tool', string: 'sh' },
    ],
    problems:
      'tool: must be one of auto, helm, kustomize, directory, jsonnet, is sh\n' +
      'kustomize-images: means something to kustomize only, and helm renders this directory',
  },
  'too many': {
    parameters: Array.from({ length: 1_001 }, () => ({})),
    problems: 'ARGOCD_APP_PARAMETERS: has more than 1000 entries',
  },
}

for (const [name, { parameters, problems }] of Object.entries(mistakes)) {
  t.test(`refused: ${name}`, t => {
    t.equal(source(parameters, 'helm').problems, problems)
    t.end()
  })
}

t.test('refused: patches that are no mappings', t => {
  const { problems } = source([{ name: 'kustomize-patches', array: ['a', '[1]', '{'] }], 'kustomize')
  t.match(
    problems,
    /^kustomize-patches\[0\]: is not a mapping\nkustomize-patches\[1\]: is not a mapping\nkustomize-patches\[2\]: cannot be read: /,
  )
  t.end()
})

t.test('any JSON gives a source or problems, and never throws', t => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom<Tool>('helm', 'kustomize', 'directory'), (value, tool) => {
      const { source: found, problems } = source([value], tool)
      return found.tool === tool && problems !== ''
    }),
  )
  t.end()
})

t.test('what is announced is read again as the default', t => {
  const entries = PARAMETER_LIST.map(([name]) => {
    const announced = announce(name)
    const key = announced.collectionType as 'string' | 'array' | 'map'
    return { name, [key]: announced[key] }
  })
  for (const tool of ['helm', 'kustomize', 'directory'] as const) {
    const own = entries.filter(({ name }) => !/^(helm|kustomize|directory)-/.test(name) || name.startsWith(`${tool}-`))
    t.strictSame(source(own, tool), source([], tool))
  }
  t.end()
})

t.test('plugin.yaml announces every parameter that is not read from the directory', t => {
  const text = pluginManifest('1.2.3', {
    generate: ['lockkeeper', 'generate'],
    parameters: ['lockkeeper', 'generate', 'parameters'],
  })
  const manifest = load(text) as { spec: { parameters: { static: { name: string }[] } } }
  const announced = PARAMETER_LIST.filter(([, { isRead }]) => isRead !== true).map(([name]) => announce(name))
  t.strictSame(manifest, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'ConfigManagementPlugin',
    metadata: { name: 'lockkeeper', annotations: { 'lockkeeper.dev/version': '1.2.3' } },
    spec: {
      version: 'v1',
      generate: { command: ['lockkeeper', 'generate'] },
      parameters: { static: announced, dynamic: { command: ['lockkeeper', 'generate', 'parameters'] } },
      preserveFileMode: false,
    },
  })
  t.strictSame(
    PARAMETER_LIST.filter(([, { isRead }]) => isRead === true).map(([name]) => name),
    ['helm-value-files', 'helm-parameters', 'kustomize-images'],
  )
  t.end()
})
