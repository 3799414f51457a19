{{/* The pod of a gateway: dict "root" $ "component" NAME "settings" MAP "ports" TEXT "data" VOLUME. */}}
{{- define "tessera.gateway" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "tessera.labels" . | nindent 4 }}
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "8000"
    prometheus.io/path: /metrics
    prometheus.io/scheme: {{ include "tessera.scheme" .root | lower }}
    checksum/routing-table: {{ $values.gateway.routingTable | sha256sum }}
    checksum/oidc-groups: {{ $values.gateway.oidcGroups | sha256sum }}
spec:
  {{- include "tessera.pod" .root | nindent 2 }}
  terminationGracePeriodSeconds: 60
  {{- with $values.gateway.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.gateway.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "tessera.selector" . | nindent 10 }}
  containers:
    - name: gateway
      image: {{ $values.image.cpu }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [gateway]
      {{- include "tessera.container-security" . | nindent 6 }}
      env:
        # Probes and Prometheus call a pod by its address.
        - name: POD_IP
          valueFrom:
            fieldRef: { fieldPath: status.podIP }
        - name: TESSERA_ALLOWED_HOSTS
          value: {{ concat (list "$(POD_IP)" "localhost" (include "tessera.name" .root) (printf "%s.%s.svc" (include "tessera.name" .root) .root.Release.Namespace)) $values.gateway.hosts | join "," | quote }}
        - name: TESSERA_HOST
          value: 0.0.0.0
        - name: TESSERA_BEHIND_PROXY
          value: "true"
        - name: TESSERA_AUDIT_KEY_FILE
          value: /run/secrets/gateway/TESSERA_AUDIT_KEY
        - name: TESSERA_PSEUDONYM_SECRET_FILE
          value: /run/secrets/gateway/TESSERA_PSEUDONYM_SECRET
        {{- if $values.gateway.tlsSecret }}
        - name: TESSERA_TLS_CERTIFICATE
          value: /run/secrets/tls/tls.crt
        - name: TESSERA_TLS_KEY
          value: /run/secrets/tls/tls.key
        {{- end }}
        {{- if $values.gateway.routingTable }}
        - name: TESSERA_ROUTING_TABLE
          value: /etc/tessera/routes.toml
        {{- end }}
        {{- if $values.gateway.oidcGroups }}
        - name: TESSERA_OIDC_GROUPS
          value: /etc/tessera-oidc/groups.toml
        {{- end }}
        {{- include "tessera.env" .root | nindent 8 }}
        {{- include "tessera.settings" .settings | trim | nindent 8 }}
      ports:
        {{- .ports | nindent 8 }}
      # The gateway migrates the database first, and ends if the database is unavailable.
      startupProbe:
        httpGet: { path: /healthz, port: http, scheme: {{ include "tessera.scheme" .root }} }
        periodSeconds: 5
        failureThreshold: 120
      livenessProbe:
        httpGet: { path: /healthz, port: http, scheme: {{ include "tessera.scheme" .root }} }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: http, scheme: {{ include "tessera.scheme" .root }} }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 2
      lifecycle:
        preStop: # Services stop sending requests before the gateway ends
          exec: { command: [sleep, "5"] }
      resources:
        {{- toYaml $values.gateway.resources | nindent 8 }}
      volumeMounts:
        {{- include "tessera.mounts" . | nindent 8 }}
        - name: gateway-secret
          mountPath: /run/secrets/gateway
          readOnly: true
        {{- if $values.gateway.tlsSecret }}
        - name: tls
          mountPath: /run/secrets/tls
          readOnly: true
        {{- end }}
        {{- if $values.gateway.routingTable }}
        - name: routing-table
          mountPath: /etc/tessera
          readOnly: true
        {{- end }}
        {{- if $values.gateway.oidcGroups }}
        - name: oidc-groups
          mountPath: /etc/tessera-oidc
          readOnly: true
        {{- end }}
  volumes:
    {{- with .data }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- include "tessera.volumes" .root | nindent 4 }}
    - name: gateway-secret
      secret: { secretName: {{ $values.secrets.gateway }}, defaultMode: 0440 }
    {{- with $values.gateway.tlsSecret }}
    - name: tls
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    {{- if $values.gateway.routingTable }}
    - name: routing-table
      configMap: { name: {{ include "tessera.name" .root }}-routing-table }
    {{- end }}
    {{- if $values.gateway.oidcGroups }}
    - name: oidc-groups
      configMap: { name: {{ include "tessera.name" .root }}-oidc-groups }
    {{- end }}
{{- end }}
