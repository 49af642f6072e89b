/** A Kustomization of Flux: what of its spec matters, and the files that it builds from. */
export interface FluxCase {
  readonly name: string
  readonly shows: string
  /** Its path is the case's own directory, when it says none. */
  readonly spec: Readonly<Record<string, unknown>>
  readonly files: Readonly<Record<string, string>>
  /** Data of ConfigMaps and Secrets in the Kustomization's namespace. */
  readonly variables?: Readonly<
    Record<string, { readonly kind: 'ConfigMap' | 'Secret'; readonly data: Readonly<Record<string, string>> }>
  >
  /** kustomize-controller refuses it, too. */
  readonly isRefused?: boolean
}

const configMap = (name: string, data: Readonly<Record<string, unknown>>, metadata: object = {}): string =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data })}\n`

const deployment = (name: string, image: string, more = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      containers:
        - name: main
          image: ${image}
${more}`

/** One line of a ConfigMap each; what Flux's envsubst makes of them. */
const EXPRESSIONS = [
  'plain',
  'a $NAME b $ c',
  '${NAME}',
  '<${NAME}> <${_x}> <${EMPTY}>',
  '$${NAME}',
  '$$$${NAME} $$$${NAME}x',
  'a$$b $$',
  '${UNSET:=a} ${UNSET:-b} ${NAME:=c} ${UNSET=d} ${EMPTY:=e}',
  '${UNSET:+a}${NAME:+b} ${UNSET:?c}${NAME:?d}',
  '<${UNSET:=}> <${UNSET=}>',
  '${UNSET==a}',
  '${UNSET:=<${NAME}:${UNSET:=x}>}',
  '${UNSET:=$$5 $x}',
  '${#NAME} ${#UMLAUT} ${#EMPTY}',
  '${NAME^} ${NAME^^} ${WORD,} ${WORD,,} ${UMLAUT,,} ${EMPTY^} ${NAME^,}',
  '${NAME:1} ${NAME:1:2} ${NAME:0:1} <${NAME:9}> ${NAME:1:99}',
  '${NAME:-2} ${NAME:0:-1} <${NAME:1:-3}> <${NAME:2:-3}> ${NAME:${ONE:=1}:${TWO:=2}}',
  '${NAME: -2} ${NAME:x} ${NAME:1:y} ${NAME:1:::2} ${NAME:99999999999999999999}',
  '${IMAGE#*/} ${IMAGE##*/} ${IMAGE%:*} ${IMAGE%%.*}',
  '${WORD#[a-c]} ${WORD#[^a]} ${WORD#??} ${WORD#[} ${WORD%[a-c]} ${WORD##*} ${WORD%%*b*}',
  '${WORD/X/-} ${WORD/X/} ${WORD/y/-} ${WORD//X/-} ${WORD//X/}',
  '${WORD/#a/-} ${WORD/%c/-} ${WORD/#X/-} ${WORD/%X/-} ${WORD/#a/}',
  '${IMAGE/\\//-} ${WORD/X/\\/} ${WORD/X/\\\\} ${WORD/X///}',
  '<${WORD/${EMPTY}/-}> <${WORD//${EMPTY}/-}>',
  '${WORD/X} y/-}',
  '${DOLLAR}',
  'ümläut ${UMLAUT} ✓ ${CHECK}',
  '${MULTI}',
  '${UNSET:=a, b: c}',
]

const deep = (name: string): string => configMap(name, { from: name })

/** Every field of a Kustomization that changes what is applied, and much of what kustomize does. */
export const FLUX_CASES: readonly FluxCase[] = [
  {
    name: 'plain',
    shows: 'a directory without a kustomization: all YAML files below, kustomizations as such',
    spec: {},
    files: {
      'b.yaml': deep('b'),
      'a.yml': `${deep('a')}---\n${deep('a2')}---\n# nothing\n`,
      'empty.yaml': '# only a comment\n',
      'README.md': 'kind: [nothing\n',
      'values.json': '{"not": "a manifest"}',
      'sub/c.yaml': deep('c'),
      'sub/deeper/d.yaml': deep('d'),
      '.hidden/e.yaml': deep('e'),
      'own/kustomization.yml': 'resources: [f.yaml]\nnamePrefix: own-\n',
      'own/f.yaml': deep('f'),
      'own/left-out.yaml': deep('left-out'),
      'config/kustomizeconfig.yaml':
        'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: not-applied}\n',
    },
  },
  {
    name: 'metadata',
    shows: 'a prefix, a suffix, and common metadata over what is there',
    spec: {
      namePrefix: 'pre-',
      nameSuffix: '-v2',
      commonMetadata: { labels: { team: 'payments', app: 'common' }, annotations: { owner: 'team@example.org' } },
    },
    files: {
      'kustomization.yaml': 'resources: [app.yaml, settings.yaml]\nnamePrefix: lost-\n',
      'app.yaml': deployment('app', 'nginx:1.27', '          envFrom: [{configMapRef: {name: settings}}]\n'),
      'settings.yaml': configMap('settings', { a: '1' }, { annotations: { owner: 'nobody', kept: 'yes' } }),
    },
  },
  {
    name: 'images',
    shows: 'images over those of the kustomization, part by part',
    spec: {
      images: [
        { name: 'nginx', newName: 'registry.example.org/nginx' },
        { name: 'redis', newTag: '7.4' },
        { name: 'busybox', digest: `sha256:${'a'.repeat(64)}` },
        { name: 'new', newName: 'other/new', newTag: 'v1' },
      ],
    },
    files: {
      'kustomization.yaml': `resources: [a.yaml, b.yaml, c.yaml, d.yaml]
images:
  - {name: nginx, newTag: "1.27"}
  - {name: redis, digest: "sha256:${'b'.repeat(64)}"}
  - {name: busybox, newTag: "1.36"}
`,
      'a.yaml': deployment('a', 'nginx'),
      'b.yaml': deployment('b', 'redis:6'),
      'c.yaml': deployment('c', 'busybox'),
      'd.yaml': deployment('d', 'new'),
    },
  },
  {
    name: 'patches',
    shows: 'strategic merge and JSON patches, with and without targets, behind those of the kustomization',
    spec: {
      patches: [
        { patch: 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {replicas: 3}\n' },
        {
          patch: '- op: add\n  path: /metadata/annotations\n  value: {patched: "yes"}\n',
          target: { kind: 'Deployment', labelSelector: 'app in (app, other)' },
        },
        { patch: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone}\n$patch: delete\n' },
        {
          patch: '[{"op": "replace", "path": "/data/a", "value": "${NOT_SUBSTITUTED}"}]',
          target: { version: 'v1', kind: 'ConfigMap', name: 'set.*' },
        },
      ],
    },
    files: {
      'kustomization.yaml': `resources: [app.yaml, other.yaml, settings.yaml, gone.yaml]
patches:
  - path: first.yaml
  - target: {kind: Deployment, name: other}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/image
        value: patched:1
`,
      'first.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {replicas: 2, paused: true}\n',
      'app.yaml': deployment('app', 'nginx:1.27'),
      'other.yaml': deployment('other', 'nginx:1.27'),
      'settings.yaml': configMap('settings', { a: '1', b: '2' }),
      'gone.yaml': configMap('gone', {}),
    },
  },
  {
    name: 'components',
    shows: 'components of the spec, of which some are not there, behind those of the kustomization',
    spec: { components: ['../shared/component-a', '../shared/missing', 'component-b'], ignoreMissingComponents: true },
    files: {
      'kustomization.yaml': 'resources: [settings.yaml]\ncomponents: [component-c]\n',
      'settings.yaml': configMap('settings', { a: '1' }),
      'component-b/kustomization.yaml':
        'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [extra.yaml]\n',
      'component-b/extra.yaml': deep('extra'),
      'component-c/kustomization.yaml':
        'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n',
      '../shared/component-a/kustomization.yaml': `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
  - target: {kind: ConfigMap}
    patch: '[{"op": "add", "path": "/data/component", "value": "a"}]'
`,
    },
  },
  {
    name: 'origin',
    shows: 'build metadata that the spec asks for',
    spec: { buildMetadata: ['originAnnotations', 'transformerAnnotations'] },
    files: {
      'kustomization.yaml': 'resources: [base]\nnamePrefix: p-\nbuildMetadata: [managedByLabel]\n',
      'base/kustomization.yaml': 'resources: [settings.yaml]\n',
      'base/settings.yaml': configMap('settings', { a: '1' }),
    },
  },
  {
    name: 'generators',
    shows: 'only generators: kustomize-controller asks for origin annotations then; files beside the kustomization',
    spec: {},
    files: {
      'kustomization.yaml': `configMapGenerator:
  - name: settings
    files: [a.conf, named=../shared/outside.conf]
    literals: [x=1, "y=a: b"]
    envs: [some.env]
secretGenerator:
  - name: credentials
    literals: [password=hunter2]
    type: Opaque
generatorOptions: {labels: {generated: "yes"}, annotations: {a: b}}
`,
      'a.conf': 'line 1\nline 2\n',
      '../shared/outside.conf': 'from beside',
      'some.env': '# comment\nA=1\nB=two words\n\n',
    },
  },
  {
    name: 'references',
    shows: 'names with a hash, where they are referred to; labels, replicas, replacements, sorting',
    spec: {},
    files: {
      'kustomization.yaml': `resources: [app.yaml, claim.yaml]
configMapGenerator: [{name: settings, literals: [a=1]}]
labels: [{pairs: {tier: web}, includeSelectors: true, includeTemplates: true}]
commonAnnotations: {note: all}
replicas: [{name: app, count: 4}]
sortOptions: {order: legacy}
replacements:
  - source: {kind: PersistentVolumeClaim, name: claim, fieldPath: spec.storageClassName}
    targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.class], options: {create: true}}]
`,
      'app.yaml': deployment('app', 'nginx:1.27', '          envFrom: [{configMapRef: {name: settings}}]\n'),
      'claim.yaml': `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
`,
    },
  },
  {
    name: 'clamped',
    shows: 'a path that leads above the artifact stays in it',
    spec: { path: '/../../clamped/../clamped/./base//' },
    files: { 'base/settings.yaml': configMap('settings', { a: '1' }) },
  },
  {
    name: 'expressions',
    shows: 'every operator of the substitution',
    spec: {
      postBuild: {
        substitute: {
          NAME: 'shop',
          EMPTY: '',
          IMAGE: 'registry.io/team/shop:v1.2.3',
          UMLAUT: 'Öl',
          _x: 'under',
          DOLLAR: '$& ${NAME} $$',
          WORD: 'aXbXc',
          CHECK: '✓ ok',
          MULTI: 'one\ntwo\n',
        },
      },
    },
    files: Object.fromEntries(
      EXPRESSIONS.map((text, index) => [
        `e${index}.yaml`,
        configMap(`e${index}`, { text, block: `first\n${text}\nlast\n` }),
      ]),
    ),
  },
  {
    name: 'variables',
    shows: 'variables from objects, in their order, the own ones last; values that become numbers; objects left out',
    spec: {
      postBuild: {
        substitute: { REPLICAS: '2', OWN: 'inline' },
        substituteFrom: [
          { kind: 'ConfigMap', name: 'golden-first' },
          { kind: 'Secret', name: 'golden-second' },
          { kind: 'ConfigMap', name: 'golden-missing', optional: true },
        ],
      },
    },
    variables: {
      'golden-first': { kind: 'ConfigMap', data: { A: 'first', B: 'first', OWN: 'first', LINES: 'a\nb\n' } },
      'golden-second': { kind: 'Secret', data: { B: 'second', OWN: 'second' } },
    },
    files: {
      'settings.yaml': configMap('settings', { text: '${A} ${B} ${OWN} ${LINES}', '${A}-key': 'k' }),
      'app.yaml': deployment('app', 'nginx:${TAG:=1.27}').replace('spec:\n', 'spec:\n  replicas: ${REPLICAS}\n'),
      'raw.yaml': configMap(
        'raw',
        { text: '${A} $${B}' },
        { annotations: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } },
      ),
      'raw2.yaml': configMap(
        'raw2',
        { text: '${A}' },
        { labels: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } },
      ),
      'secret.yaml':
        'apiVersion: v1\nkind: Secret\nmetadata: {name: secret}\nstringData: {b: "${B}"}\ndata: {a: YQ==}\n',
    },
  },
  {
    name: 'always',
    shows: 'defaults without any variable',
    spec: { postBuild: { substituteStrategy: 'Always' } },
    files: { 'settings.yaml': configMap('settings', { text: '${A:=default} $${B}' }) },
  },
  {
    name: 'never',
    shows: 'no variable, so nothing is substituted',
    spec: { postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'golden-missing', optional: true }] } },
    files: { 'settings.yaml': configMap('settings', { text: '${A:=default} $${B}' }) },
  },
  {
    name: 'account',
    shows: 'a service account of its own, and all fields that change nothing',
    spec: {
      serviceAccountName: 'golden-deployer',
      force: true,
      wait: false,
      timeout: '1m',
      retryInterval: '2m',
      deletionPolicy: 'Orphan',
      dependsOn: [{ name: 'golden-plain' }],
      healthChecks: [],
      ignore: [{ paths: ['/spec/replicas'], target: { kind: 'Deployment' } }],
    },
    files: { 'app.yaml': deployment('app', 'nginx:1.27') },
  },
  {
    name: 'cluster',
    shows: 'definitions, their objects and objects of the cluster; members that the API does not know',
    spec: { targetNamespace: '' },
    files: {
      'crd.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.golden.example.org}
spec:
  group: golden.example.org
  names: {kind: Lamp, plural: lamps}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`,
      'namespace.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: golden-made, labels: {made: "yes"}}\n',
      'lamp.yaml':
        'apiVersion: golden.example.org/v1\nkind: Lamp\nmetadata: {name: lamp, namespace: golden-made}\nspec: {on: true, watts: 1e1, hex: 0x1F, date: 2026-01-01, "off": no}\n',
      'role.yaml': `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: golden-role}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
`,
    },
  },
  {
    name: 'kinds',
    shows: 'lists, defaults, quantities, and texts of Secrets',
    spec: {},
    files: {
      'list.yaml': `apiVersion: v1
kind: List
items:
  - ${configMap('one', { a: '1' }).trim()}
  - ${configMap('two', { a: '2' }).trim()}
`,
      'service.yaml':
        'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n',
      'cron.yaml': `apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, creationTimestamp: null}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
            - name: job
              image: busybox:1.36
              command: [sh, -c, "echo $HOME"]
              resources: {requests: {cpu: 1000m, memory: 1024Mi}, limits: {cpu: "1", memory: 1Gi}}
              ports: [{containerPort: 80}]
status: {}
`,
      'policy.yaml': `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: none}
spec: {podSelector: {}, policyTypes: [Ingress]}
`,
      'secret.yaml':
        'apiVersion: v1\nkind: Secret\nmetadata: {name: texts}\nstringData: {b: "text", a: over}\ndata: {a: dW5kZXI=}\n',
      'set.yaml': `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "postgres:17", ports: [{containerPort: 5432, name: sql}]}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
    },
  },
  {
    name: 'plugins',
    shows: 'built-in transformers and generators as files, and in a directory',
    spec: {},
    files: {
      'kustomization.yaml': `resources: [settings.yaml]
transformers: [prefix.yaml, transformers]
generators:
  - |-
    apiVersion: builtin
    kind: ConfigMapGenerator
    metadata: {name: made}
    literals: [a=1]
    options: {disableNameSuffixHash: true}
`,
      'prefix.yaml':
        'apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: prefix}\nprefix: t-\nfieldSpecs: [{path: metadata/name}]\n',
      'transformers/kustomization.yaml': 'resources: [labels.yaml]\n',
      'transformers/labels.yaml':
        'apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: labels}\nlabels: {by: plugin}\nfieldSpecs: [{path: metadata/labels, create: true}]\n',
      'settings.yaml': configMap('settings', { a: '1' }),
    },
  },
  {
    name: 'old',
    shows: 'fields of old kustomizations, and one that nobody knows',
    spec: {},
    files: {
      'kustomization.yaml': `bases: [base]
commonLabels: {old: "yes"}
patchesStrategicMerge: [patch.yaml]
patchesJson6902:
  - target: {version: v1, kind: ConfigMap, name: settings}
    patch: '[{"op": "add", "path": "/data/c", "value": "3"}]'
nobodyKnows: {this: field}
`,
      'patch.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {b: "2"}\n',
      'base/kustomization.yaml': 'resources: [settings.yaml]\n',
      'base/settings.yaml': configMap('settings', { a: '1' }),
    },
  },
  {
    name: 'alone',
    shows: 'objects that are left alone',
    spec: {},
    files: {
      'a.yaml': configMap('applied', { a: '1' }),
      'b.yaml': configMap(
        'disabled',
        { a: '1' },
        { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' } },
      ),
      'c.yaml': configMap('ignored', { a: '1' }, { labels: { 'kustomize.toolkit.fluxcd.io/ssa': 'ignore' } }),
      'd.yaml': configMap('once', { a: '1' }, { annotations: { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' } }),
    },
  },
  {
    name: 'no-path',
    shows: 'a path that is not there',
    spec: { path: './no-path/missing' },
    files: { 'a.yaml': deep('a') },
    isRefused: true,
  },
  {
    name: 'no-variable',
    shows: 'variables of an object that is not there',
    spec: { postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'golden-missing' }] } },
    files: { 'a.yaml': deep('a') },
    isRefused: true,
  },
  {
    name: 'bad-expression',
    shows: 'an expression that nobody can read',
    spec: { postBuild: { substitute: { A: '1' } } },
    files: { 'a.yaml': configMap('a', { script: 'echo "${@}"' }) },
    isRefused: true,
  },
  {
    name: 'unset',
    shows: 'a variable that nobody has set',
    spec: { postBuild: { substitute: { A: '1' } } },
    files: { 'a.yaml': configMap('a', { text: '${A} ${#B}' }) },
    isRefused: true,
  },
  {
    name: 'bad-variable',
    shows: 'a name that is no variable',
    spec: { postBuild: { substitute: { 'a-b': '1' } } },
    files: { 'a.yaml': deep('a') },
    isRefused: true,
  },
  {
    name: 'bad-file',
    shows: 'a YAML file without objects in a directory without a kustomization',
    spec: {},
    files: { 'a.yaml': deep('a'), 'values.yaml': 'image: nginx\n' },
    isRefused: true,
  },
  {
    name: 'outside',
    shows: 'a file outside of the artifact',
    spec: {},
    files: { 'kustomization.yaml': 'configMapGenerator: [{name: a, files: [../../../../../../../../etc/hostname]}]\n' },
    isRefused: true,
  },
  {
    name: 'bad-component',
    shows: 'a component that is not there',
    spec: { components: ['missing'] },
    files: { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': deep('a') },
    isRefused: true,
  },
]

/** All files of all cases, each case in a directory of its own. */
export function fluxTree(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    FLUX_CASES.flatMap(({ name, files }) =>
      Object.entries(files).map(([path, content]) => [
        path.startsWith('../') ? path.slice(3) : `${name}/${path}`,
        content,
      ]),
    ),
  )
}
