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
    sizeLimit: 64Mi
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
