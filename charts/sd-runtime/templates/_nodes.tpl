{{/* Pods that a change starts beside the old ones, at most; Kubernetes rounds a percentage up, too. */}}
{{- define "sd-runtime.surgePods" -}}
{{- $surge := .Values.rollout.maxSurge | toString -}}
{{- if hasSuffix "%" $surge -}}
{{- divf (mulf .Values.scaling.maxReplicaCount (trimSuffix "%" $surge | float64)) 100 | ceil -}}
{{- else -}}
{{- $surge -}}
{{- end -}}
{{- end }}

{{/* Takes .Values.nodes. */}}
{{- define "sd-runtime.dataVolume" -}}
{{- $volume := .dataVolume -}}
volumeSize: {{ $volume.volumeSize }}
volumeType: {{ $volume.volumeType }}
deleteOnTermination: {{ $volume.deleteOnTermination }}
encrypted: true
{{- if ne $volume.volumeType "gp2" }}
iops: {{ int64 $volume.iops }}
{{- end }}
{{- if eq $volume.volumeType "gp3" }}
throughput: {{ int64 $volume.throughput }}
{{- end }}
{{- with $volume.kmsKeyID }}
kmsKeyID: {{ . | quote }}
{{- end }}
{{- if eq .imageCache "ebsSnapshot" }}
snapshotID: {{ $volume.snapshotID }}
{{- with $volume.volumeInitializationRate }}
volumeInitializationRate: {{ int64 . }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Bottlerocket's settings for SOCI's parallel mode;
https://bottlerocket.dev/en/os/latest/api/settings/container-runtime-plugins/
*/}}
{{- define "sd-runtime.sociSettings" -}}
[settings.container-runtime]
snapshotter = "soci"

[settings.container-runtime-plugins.soci-snapshotter]
pull-mode = "parallel-pull-unpack"

[settings.container-runtime-plugins.soci-snapshotter.parallel-pull-unpack]
max-concurrent-downloads-per-image = 20
concurrent-download-chunk-size = "16mb"
max-concurrent-unpacks-per-image = 12
discard-unpacked-layers = true
{{- end }}
