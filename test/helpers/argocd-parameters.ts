import { PARAMETERS, type ParameterName, type ParameterValue } from '../../plugin/argocd/parameter-table.js'
import type { HelmSource, KustomizeSource, RenderSource } from '../../src/io/render/source.js'
import type { ArgoCDCase, ArgoCDDefaults } from './argocd-cases.js'

type Values = Partial<Record<ParameterName, ParameterValue>>

/** What an Application sets of our plugin to get what its source meant to the built-in tools: `ARGOCD_APP_PARAMETERS`. */
export function pluginParameters(each: ArgoCDCase, source: RenderSource, defaults: ArgoCDDefaults): string {
  const values: Values = {
    ...(source.tool in each.source && { tool: source.tool }),
    ...(source.tool === 'helm' && helmValues(source, defaults)),
    ...(source.tool === 'kustomize' && kustomizeValues(source, defaults)),
    ...(source.tool === 'directory' && {
      'directory-recurse': flag(source.recurse),
      'directory-include': source.include,
      'directory-exclude': source.exclude,
    }),
  }
  const said = (Object.entries(values) as [ParameterName, ParameterValue][]).filter(([, value]) => !isEmpty(value))
  return JSON.stringify(said.map(([name, value]) => ({ name, [PARAMETERS[name].collectionType]: value })))
}

function helmValues(source: HelmSource, defaults: ArgoCDDefaults): Values {
  const set = (isText: boolean) =>
    Object.fromEntries(
      source.parameters.filter(({ forceString }) => forceString === isText).map(({ name, value }) => [name, value]),
    )
  return {
    ...versions(source, defaults),
    'helm-release-name': source.releaseName,
    'helm-namespace': source.namespace ?? '',
    'helm-value-files': source.valueFiles,
    'helm-ignore-missing-value-files': flag(source.ignoreMissingValueFiles),
    'helm-values': source.values ?? '',
    'helm-parameters': set(false),
    'helm-string-parameters': set(true),
    'helm-file-parameters': Object.fromEntries(source.fileParameters.map(({ name, path }) => [name, path])),
    'helm-skip-crds': flag(source.skipCrds),
    'helm-skip-tests': flag(source.skipTests),
    'helm-skip-schema-validation': flag(source.skipSchemaValidation),
  }
}

function kustomizeValues(source: KustomizeSource, defaults: ArgoCDDefaults): Values {
  return {
    ...versions(source, defaults),
    'kustomize-name-prefix': source.namePrefix ?? '',
    'kustomize-name-suffix': source.nameSuffix ?? '',
    'kustomize-namespace': source.namespace ?? '',
    'kustomize-images': source.images,
    'kustomize-replicas': Object.fromEntries(source.replicas.map(({ name, count }) => [name, `${count}`])),
    'kustomize-common-labels': source.commonLabels,
    'kustomize-common-annotations': source.commonAnnotations,
    'kustomize-common-annotations-envsubst': flag(source.commonAnnotationsEnvsubst),
    'kustomize-force-common-labels': flag(source.forceCommonLabels),
    'kustomize-force-common-annotations': flag(source.forceCommonAnnotations),
    'kustomize-label-without-selector': flag(source.labelWithoutSelector),
    'kustomize-label-include-templates': flag(source.labelIncludeTemplates),
    'kustomize-components': source.components,
    'kustomize-ignore-missing-components': flag(source.ignoreMissingComponents),
    'kustomize-patches': source.patches.map(patch => JSON.stringify(patch)),
  }
}

/** Without them, those of the destination hold, which repo-server says in the environment. */
function versions(source: HelmSource | KustomizeSource, defaults: ArgoCDDefaults): Values {
  return {
    ...(source.kubeVersion !== defaults.kubeVersion && { 'kube-version': source.kubeVersion ?? '' }),
    ...(source.apiVersions !== defaults.apiVersions && { 'api-versions': source.apiVersions }),
  }
}

function flag(value: boolean): string {
  return value ? 'true' : ''
}

function isEmpty(value: ParameterValue): boolean {
  return typeof value === 'string' ? value === '' : Object.keys(value).length === 0
}
