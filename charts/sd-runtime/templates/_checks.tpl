{{/*
What values.schema.json cannot say: relations between numbers, and rules about the release's name.
All problems are reported at once.
*/}}
{{- define "sd-runtime.checks" -}}
{{- $problems := concat
    (include "sd-runtime.nameProblems" . | fromJsonArray)
    (include "sd-runtime.scalingProblems" . | fromJsonArray)
    (include "sd-runtime.nodeProblems" . | fromJsonArray)
    (include "sd-runtime.instanceTypeProblems" . | fromJsonArray)
    (include "sd-runtime.fileProblems" . | fromJsonArray)
    (include "sd-runtime.timeProblems" . | fromJsonArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\nThese values do not go together:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end }}

{{- define "sd-runtime.nameProblems" -}}
{{- $problems := list -}}
{{- $name := include "sd-runtime.runtimeName" . -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$" $name) -}}
{{- $problems = append $problems (printf "runtime.name is the release's name, %q, and not 1 to 32 lower-case letters, digits or hyphens: set runtime.name" $name) -}}
{{- end -}}
{{- $pools := list -}}
{{- range .Values.nodes.pools }}{{ $pools = append $pools .name }}{{ end -}}
{{- if ne (len $pools) (len (uniq $pools)) -}}
{{- $problems = append $problems (printf "nodes.pools: each pool needs a name of its own, found %s" (join ", " $pools)) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end }}

{{- define "sd-runtime.scalingProblems" -}}
{{- $problems := list -}}
{{- $most := int .Values.scaling.maxReplicaCount -}}
{{- if gt (int .Values.scaling.minReplicaCount) $most -}}
{{- $problems = append $problems (printf "scaling.minReplicaCount (%d) is above scaling.maxReplicaCount (%d)" (int .Values.scaling.minReplicaCount) $most) -}}
{{- end -}}
{{- if gt (int .Values.scaling.fallback.replicas) $most -}}
{{- $problems = append $problems (printf "scaling.fallback.replicas (%d) is above scaling.maxReplicaCount (%d)" (int .Values.scaling.fallback.replicas) $most) -}}
{{- end -}}
{{- range $index, $hours := .Values.scaling.warmHours -}}
{{- if gt (int $hours.replicas) $most -}}
{{- $problems = append $problems (printf "scaling.warmHours[%d].replicas (%d) is above scaling.maxReplicaCount (%d)" $index (int $hours.replicas) $most) -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end }}

{{/* Kubernetes refuses a path that two volumes are mounted at, and names none of these values. */}}
{{- define "sd-runtime.fileProblems" -}}
{{- $problems := list -}}
{{- range $index, $mount := .Values.runtime.extraVolumeMounts -}}
{{- if has $mount.mountPath (include "sd-runtime.filePaths" $ | fromJsonArray) -}}
{{- $problems = append $problems (printf "runtime.extraVolumeMounts[%d]: %s is a volume of runtime.files: leave the mount out, or set runtime.files.enabled to false" $index $mount.mountPath) -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end }}

{{- define "sd-runtime.nodeProblems" -}}
{{- $problems := list -}}
{{- $volume := .Values.nodes.dataVolume -}}
{{- if and .Values.nodes.create (eq $volume.volumeType "gp3") (gt (mul 4 (int $volume.throughput)) (int $volume.iops)) -}}
{{- $problems = append $problems (printf "nodes.dataVolume.throughput: %d MiB/s on gp3 needs at least %d iops, not %d" (int $volume.throughput) (mul 4 (int $volume.throughput)) (int $volume.iops)) -}}
{{- end -}}
{{- $pods := include "sd-runtime.podGraceSeconds" . | int -}}
{{- $nodes := include "sd-runtime.nodeGraceSeconds" . | int -}}
{{- if le $nodes $pods -}}
{{- $problems = append $problems (printf "nodes.terminationGracePeriodSeconds (%d) must be longer than the pods' grace, %d (agent.settings.taskTimeoutSeconds and agent.stopMarginSeconds)" $nodes $pods) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end }}

{{- define "sd-runtime.timeProblems" -}}
{{- $problems := list -}}
{{- if ge (int .Values.agent.settings.receiveWaitSeconds) (int .Values.agent.settings.visibilityTimeoutSeconds) -}}
{{- $problems = append $problems (printf "agent.settings.visibilityTimeoutSeconds (%d) must be above agent.settings.receiveWaitSeconds (%d)" (int .Values.agent.settings.visibilityTimeoutSeconds) (int .Values.agent.settings.receiveWaitSeconds)) -}}
{{- end -}}
{{- if gt (int .Values.agent.settings.inputMaxBytes) (int .Values.agent.settings.inputMaxTotalBytes) -}}
{{- $problems = append $problems (printf "agent.settings.inputMaxBytes (%d, one file) is above agent.settings.inputMaxTotalBytes (%d, all of them)" (int .Values.agent.settings.inputMaxBytes) (int .Values.agent.settings.inputMaxTotalBytes)) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end }}
