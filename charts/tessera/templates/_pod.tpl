{{/* What every pod has: no token, no root, no environment variables about Services. The latter
     would be called TESSERA_PORT if a Service is called tessera, and be taken for a setting. */}}
{{- define "tessera.pod" -}}
serviceAccountName: {{ include "tessera.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "tessera.container-security" -}}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Settings that every container needs. A pod whose Secret lacks one of the keys does not start:
     without the two URLs, it would work alone, with a database and a broker of its own. */}}
{{- define "tessera.env" -}}
{{- range concat (list "TESSERA_DATABASE_URL" "TESSERA_BROKER_URL") .Values.secrets.sharedKeys }}
- name: {{ . }}_FILE
  value: /run/secrets/shared/{{ . }}
{{- end }}
# A folder of its own, because the mounted one belongs to root.
- name: TESSERA_DATA
  value: /data/tessera
{{- if .Values.models.claim }}
- name: TESSERA_MODELS
  value: /models
{{- end }}
{{- end }}

{{/* Settings as environment variables, sorted by name. */}}
{{- define "tessera.settings" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Only gateways write to the folder of models, by `tessera models add`: dict "root" $
     "component" NAME. */}}
{{- define "tessera.mounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
- name: shared-secret
  mountPath: /run/secrets/shared
  readOnly: true
{{- if .root.Values.models.claim }}
- name: models
  mountPath: /models
  readOnly: {{ eq .component "worker" }}
{{- end }}
{{- end }}

{{- define "tessera.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
- name: shared-secret
  secret: { secretName: {{ .Values.secrets.shared }}, defaultMode: 0440 }
{{- if .Values.models.claim }}
- name: models
  persistentVolumeClaim:
    claimName: {{ .Values.models.claim }}
{{- end }}
{{- end }}
