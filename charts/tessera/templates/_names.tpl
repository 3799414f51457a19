{{/* Name of all objects of this release. */}}
{{- define "tessera.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Labels by which Services, policies and Deployments find pods: dict "root" $ "component" NAME. */}}
{{- define "tessera.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* All labels of an object. */}}
{{- define "tessera.labels" -}}
{{ include "tessera.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What gateways speak. */}}
{{- define "tessera.scheme" -}}
{{- if .Values.gateway.tlsSecret }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{/* The port of their Service. */}}
{{- define "tessera.port" -}}
{{- if .Values.gateway.tlsSecret }}443{{ else }}80{{ end }}
{{- end }}
