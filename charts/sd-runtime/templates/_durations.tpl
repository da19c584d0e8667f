{{/* Seconds between a pod's SIGTERM and its SIGKILL: its longest task, and time to store it. */}}
{{- define "sd-runtime.podGraceSeconds" -}}
{{- add .Values.agent.settings.taskTimeoutSeconds .Values.agent.stopMarginSeconds -}}
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

{{/*
Whether a Spot instance can end under a task without its agent having been told: EC2 gives 120 s, of
which the agent keeps 10 for storing.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
*/}}
{{- define "sd-runtime.endsBeforeTasks" -}}
{{- $types := .Values.nodes.capacityTypes -}}
{{- range .Values.nodes.pools }}{{ $types = concat $types (default (list) .capacityTypes) }}{{ end -}}
{{- and .Values.nodes.create (has "spot" $types) (not .Values.agent.settings.spotWatch) (gt (int .Values.agent.settings.taskTimeoutSeconds) 110) -}}
{{- end }}
