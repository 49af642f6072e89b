import t from 'tap'
import { readApplicationEnvironment } from '../../../../plugin/argocd/environment.js'
import type { Problem } from '../../../../src/fields.js'

const SET = {
  ARGOCD_APP_NAME: 'payments',
  ARGOCD_APP_NAMESPACE: 'shop',
  ARGOCD_APP_PROJECT_NAME: 'team-a',
  ARGOCD_APP_REVISION: '0123456789abcdef0123456789abcdef01234567',
  ARGOCD_APP_SOURCE_REPO_URL: 'https://git.example.com/shop.git',
  ARGOCD_APP_SOURCE_PATH: 'apps/payments',
  ARGOCD_APP_SOURCE_TARGET_REVISION: 'main',
  KUBE_VERSION: '1.35.0',
  KUBE_API_VERSIONS: 'v1,apps/v1,apps/v1/Deployment',
  PATH: '/bin',
}

function read(env: Readonly<Record<string, string | undefined>>) {
  const problems: Problem[] = []
  return { environment: readApplicationEnvironment(env, problems), problems }
}

t.test('what repo-server says is read', t => {
  const { ARGOCD_APP_NAME, ...named } = Object.fromEntries(
    Object.entries(SET).filter(([name]) => name.startsWith('ARGOCD_APP_')),
  )
  t.strictSame(read({ ...SET, ARGOCD_APP_PARAMETERS: '[]', ARGOCD_ENV_TEAM: 'a' }), {
    environment: {
      application: { qualifiedName: 'payments', name: 'payments' },
      project: 'team-a',
      destinationNamespace: 'shop',
      revision: SET.ARGOCD_APP_REVISION,
      repoUrl: 'https://git.example.com/shop.git',
      sourcePath: 'apps/payments',
      targetRevision: 'main',
      kubeVersion: '1.35.0',
      apiVersions: ['v1', 'apps/v1', 'apps/v1/Deployment'],
      parameters: '[]',
      buildEnvironment: { ARGOCD_APP_NAME, ...named },
      tightening: {},
    },
    problems: [],
  })
  t.end()
})

t.test('an Application outside of the namespace of Argo CD has that in its name', t => {
  const { environment, problems } = read({ ARGOCD_APP_NAME: 'team-a_payments' })
  t.strictSame(problems, [])
  t.strictSame(environment.application, { qualifiedName: 'team-a_payments', name: 'payments', namespace: 'team-a' })
  t.strictSame([environment.project, environment.destinationNamespace], ['default', 'default'])
  t.end()
})

t.test('what an Application asks of the gate', t => {
  const env = { ...SET, ARGOCD_ENV_LOCKKEEPER_FAIL_ON_WARN: 'true', ARGOCD_ENV_LOCKKEEPER_TIMEOUT_SECONDS: '20' }
  t.strictSame(read(env).environment.tightening, { failOnWarn: true, timeoutSeconds: 20 })
  t.end()
})

t.test('every mistake is found at once', t => {
  const { problems } = read({
    ARGOCD_APP_NAME: 'a_b_c',
    ARGOCD_APP_NAMESPACE: 'Shop',
    ARGOCD_APP_PROJECT_NAME: '../x',
    ARGOCD_APP_SOURCE_PATH: 'x'.repeat(5_000),
    KUBE_VERSION: 'latest',
    KUBE_API_VERSIONS: 'v1,--set',
    ARGOCD_ENV_LOCKKEEPER_FAIL_ON_WARN: 'yes',
    ARGOCD_ENV_LOCKKEEPER_TIMEOUT_SECONDS: '1e9',
    ARGOCD_ENV_LOCKKEEPER_BUNDLE: '/tmp/mine',
  })
  t.strictSame(
    problems.map(({ path, message }) => `${path}: ${message}`),
    [
      'KUBE_VERSION: must be a version such as 1.35.0, is "latest"',
      'ARGOCD_APP_NAMESPACE: must be the name of a namespace, is "Shop"',
      'ARGOCD_APP_PROJECT_NAME: must be the name of an AppProject, is "../x"',
      'ARGOCD_APP_NAME: must be a name, or <namespace>_<name>, is "b_c"',
      'ARGOCD_APP_SOURCE_PATH: is longer than 4096 characters',
      'KUBE_API_VERSIONS: has "--set", which is no API version',
      'ARGOCD_ENV_LOCKKEEPER_FAIL_ON_WARN: must be true or false, is "yes"',
      'ARGOCD_ENV_LOCKKEEPER_TIMEOUT_SECONDS: must be a whole number of seconds, is "1e9"',
      'ARGOCD_ENV_LOCKKEEPER_BUNDLE: is not known here: an Application may set FAIL_ON_WARN and TIMEOUT_SECONDS',
    ],
  )
  t.end()
})

t.test('without a name it is not run by argocd-cmp-server', t => {
  t.strictSame(
    read({}).problems.map(each => each.path),
    ['ARGOCD_APP_NAME'],
  )
  t.end()
})
