{{/* By number: implementations differ in whether they know the named ports of sidecars. */}}
{{- define "sd-runtime.ingress" -}}
{{- with .Values.networkPolicy.runtimeFrom }}
- from: {{- toYaml . | nindent 4 }}
  ports:
    - port: {{ include "sd-runtime.port" $ }}
      protocol: TCP
{{- end }}
{{- with .Values.networkPolicy.metricsFrom }}
- from: {{- toYaml . | nindent 4 }}
  ports:
    - port: {{ $.Values.agent.healthPort }}
      protocol: TCP
{{- end }}
{{- with .Values.networkPolicy.extraIngress }}
{{ toYaml . }}
{{- end }}
{{- end }}
