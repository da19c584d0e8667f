{{- define "sd-runtime.podSpec" -}}
serviceAccountName: {{ include "sd-runtime.serviceAccountName" . }}
# EKS Pod Identity brings its own token; nothing here calls Kubernetes.
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "sd-runtime.podGraceSeconds" . }}
securityContext: {{- toYaml .Values.pod.securityContext | nindent 2 }}
{{- with .Values.pod.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with include "sd-runtime.nodeSelector" . | trim }}
nodeSelector: {{- . | nindent 2 }}
{{- end }}
tolerations: {{- include "sd-runtime.tolerations" . | nindent 2 }}
{{- with .Values.pod.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{ include "sd-runtime.initContainers" . }}
containers:
  - {{ include "sd-runtime.agentContainer" . | nindent 4 | trim }}
volumes: {{- include "sd-runtime.volumes" . | nindent 2 }}
{{- end }}

{{- define "sd-runtime.initContainers" -}}
initContainers:
  {{- if eq .Values.runtime.type "sdwebui" }}
  - {{ include "sd-runtime.configContainer" . | nindent 4 | trim }}
  {{- end }}
  {{- if eq (include "sd-runtime.modelsLinked" .) "true" }}
  - {{ include "sd-runtime.linkContainer" . | nindent 4 | trim }}
  {{- end }}
  {{- if eq (include "sd-runtime.filesShared" .) "true" }}
  - {{ include "sd-runtime.filesContainer" . | nindent 4 | trim }}
  {{- end }}
  - {{ include "sd-runtime.runtimeContainer" . | nindent 4 | trim }}
{{- end }}

{{/*
The agent alone gets the role: whatever a custom node in the runtime's container does, AWS knows it
not. EKS's webhook leaves these containers out, of Pod Identity's credentials and of IRSA's. Models
are mounted all the same: for that Kubernetes gives the CSI driver a token of the pod. See
docs/adr/0033.
*/}}
{{- define "sd-runtime.identityAnnotations" -}}
{{- $names := list "runtime" -}}
{{- range get (include "sd-runtime.initContainers" . | fromYaml) "initContainers" -}}
{{- $names = append $names .name -}}
{{- end -}}
eks.amazonaws.com/skip-containers: {{ uniq $names | join "," }}
{{- end }}

{{- define "sd-runtime.nodeSelector" -}}
{{- if .Values.nodes.create -}}
runtime: {{ include "sd-runtime.clusterName" . }}
{{- end }}
{{- with .Values.pod.nodeSelector }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sd-runtime.tolerations" -}}
- key: nvidia.com/gpu
  operator: Exists
  effect: NoSchedule
{{- if .Values.nodes.create }}
- key: runtime
  operator: Equal
  value: {{ include "sd-runtime.clusterName" . }}
  effect: NoSchedule
{{- end }}
{{- with .Values.pod.tolerations }}
{{ toYaml . }}
{{- end }}
{{- end }}
