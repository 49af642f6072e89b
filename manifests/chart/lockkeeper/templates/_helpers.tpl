{{- define "lockkeeper.labels" -}}
app.kubernetes.io/name: lockkeeper
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/part-of: lockkeeper
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "lockkeeper.selector" -}}
app.kubernetes.io/name: lockkeeper
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "lockkeeper.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "lockkeeper.bundleArgs" -}}
{{- if eq .Values.bundle.source "image" }}
- --bundle=/app/policies/bundle
{{- else }}
- --bundle=/bundle/{{ .Values.bundle.key }}
{{- end }}
{{- if .Values.bundle.insecureUnsigned }}
- --insecure-unsigned
{{- end }}
{{- end }}

{{- define "lockkeeper.podEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}

{{- define "lockkeeper.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "lockkeeper.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "lockkeeper.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
- name: service-account
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- if ne .Values.bundle.source "image" }}
- name: bundle
  mountPath: /bundle
  readOnly: true
{{- end }}
{{- end }}

{{- define "lockkeeper.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .tmpSize | default "64Mi" }}
- name: service-account
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- if eq .Values.bundle.source "configMap" }}
- name: bundle
  configMap:
    name: {{ .Values.bundle.name }}
{{- else if eq .Values.bundle.source "secret" }}
- name: bundle
  secret:
    secretName: {{ .Values.bundle.name }}
{{- end }}
{{- end }}

{{- define "lockkeeper.affinity" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "lockkeeper.selector" . | nindent 12 }}
{{- end }}

{{- define "lockkeeper.spread" -}}
- topologyKey: {{ .topologyKey }}
  maxSkew: 1
  whenUnsatisfiable: {{ .whenUnsatisfiable }}
  nodeTaintsPolicy: Honor
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels:
      {{- include "lockkeeper.selector" . | nindent 6 }}
{{- end }}

{{- /* What the policies of the library judge, but for Secrets. */}}
{{- define "lockkeeper.judgedRules" -}}
- apiGroups: [""]
  resources:
    - configmaps
    - limitranges
    - namespaces
    - nodes
    - persistentvolumeclaims
    - persistentvolumes
    - pods
    - podtemplates
    - replicationcontrollers
    - resourcequotas
    - serviceaccounts
    - services
  verbs: {{ .verbs }}
- apiGroups: [admissionregistration.k8s.io]
  resources:
    - mutatingadmissionpolicies
    - mutatingadmissionpolicybindings
    - mutatingwebhookconfigurations
    - validatingadmissionpolicies
    - validatingadmissionpolicybindings
    - validatingwebhookconfigurations
  verbs: {{ .verbs }}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: {{ .verbs }}
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  verbs: {{ .verbs }}
- apiGroups: [apps]
  resources: [daemonsets, deployments, replicasets, statefulsets]
  verbs: {{ .verbs }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: {{ .verbs }}
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: {{ .verbs }}
- apiGroups: [certificates.k8s.io]
  resources: [certificatesigningrequests, clustertrustbundles]
  verbs: {{ .verbs }}
- apiGroups: [flowcontrol.apiserver.k8s.io]
  resources: [flowschemas, prioritylevelconfigurations]
  verbs: {{ .verbs }}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses, ingresses, networkpolicies, servicecidrs]
  verbs: {{ .verbs }}
- apiGroups: [node.k8s.io]
  resources: [runtimeclasses]
  verbs: {{ .verbs }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: {{ .verbs }}
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterrolebindings, clusterroles, rolebindings, roles]
  verbs: {{ .verbs }}
- apiGroups: [resource.k8s.io]
  resources: [deviceclasses, devicetaintrules, resourceclaims, resourceclaimtemplates]
  verbs: {{ .verbs }}
- apiGroups: [scheduling.k8s.io]
  resources: [priorityclasses]
  verbs: {{ .verbs }}
- apiGroups: [storage.k8s.io]
  resources: [csidrivers, storageclasses, volumeattributesclasses]
  verbs: {{ .verbs }}
- apiGroups: [storagemigration.k8s.io]
  resources: [storageversionmigrations]
  verbs: {{ .verbs }}
# Argo CD and Argo Rollouts, Flux, the Gateway API and Knative, where they are installed.
- apiGroups: [argoproj.io]
  resources: [applications, applicationsets, appprojects, rollouts]
  verbs: {{ .verbs }}
- apiGroups: [helm.toolkit.fluxcd.io]
  resources: [helmreleases]
  verbs: {{ .verbs }}
- apiGroups: [kustomize.toolkit.fluxcd.io]
  resources: [kustomizations]
  verbs: {{ .verbs }}
- apiGroups: [source.toolkit.fluxcd.io]
  resources: [buckets, externalartifacts, gitrepositories, helmcharts, helmrepositories, ocirepositories]
  verbs: {{ .verbs }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, grpcroutes, httproutes, referencegrants, tlsroutes]
  verbs: {{ .verbs }}
- apiGroups: [serving.knative.dev]
  resources: [configurations, revisions, services]
  verbs: {{ .verbs }}
{{- end }}
