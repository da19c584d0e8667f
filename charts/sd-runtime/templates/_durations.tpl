{{/* Seconds between a pod's SIGTERM and its SIGKILL: its longest task, and time to store it. */}}
{{- define "sd-runtime.podGraceSeconds" -}}
{{- add .Values.agent.taskTimeoutSeconds .Values.agent.stopMarginSeconds -}}
{{- end }}

{{/* The agent ends before that: the runtime is stopped after it, within the same grace. */}}
{{- define "sd-runtime.agentGraceSeconds" -}}
{{- sub (include "sd-runtime.podGraceSeconds" . | int) 20 -}}
{{- end }}

{{/* A runtime that was started anew has its whole start before it counts as dead. */}}
{{- define "sd-runtime.runtimeDeadSeconds" -}}
{{- add .Values.runtime.startupProbe.limitSeconds 300 -}}
{{- end }}

{{/* Longer than the pods': Karpenter stops pods early enough for their grace to fit in. */}}
{{- define "sd-runtime.nodeGraceSeconds" -}}
{{- default (add (include "sd-runtime.podGraceSeconds" . | int) 600) .Values.nodes.terminationGracePeriodSeconds -}}
{{- end }}
