{{- define "sd-runtime.volumes" -}}
- name: models
{{- if eq .Values.models.source "emptyDir" }}
  emptyDir:
    sizeLimit: {{ .Values.models.emptyDirSize }}
{{- else }}
  persistentVolumeClaim:
    claimName: {{ include "sd-runtime.modelsClaim" . }}
    readOnly: {{ and (eq .Values.models.source "s3") .Values.models.s3.readOnly }}
{{- end }}
{{- if eq (include "sd-runtime.modelsLinked" .) "true" }}
- name: model-links
  emptyDir:
    sizeLimit: {{ .Values.models.s3.links.sizeLimit }}
{{- end }}
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.runtime.sharedMemory }}
- name: agent-tmp
  emptyDir:
    sizeLimit: {{ .Values.agent.tmpSize }}
{{- if eq (include "sd-runtime.filesBounded" .) "true" }}
{{- range list "runtime-files" "runtime-tmp" }}
- name: {{ . }}
  emptyDir:
    sizeLimit: {{ $.Values.runtime.files.sizeLimit }}
{{- end }}
{{- end }}
{{- if include "sd-runtime.configFile" . }}
- name: config
  configMap:
    name: {{ include "sd-runtime.name" . }}
{{- end }}
{{- if eq .Values.runtime.type "sdwebui" }}
- name: runtime-config
  emptyDir:
    sizeLimit: 1Mi
{{- end }}
{{- with .Values.runtime.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Whether the runtime sees links to the bucket's folders: "true" or "false". */}}
{{- define "sd-runtime.modelsLinked" -}}
{{- and (eq .Values.models.source "s3") .Values.models.s3.readOnly .Values.models.s3.links.enabled (ne .Values.runtime.type "custom") -}}
{{- end }}

{{/* Where the bucket is mounted then; the same in all containers, as the links say it. */}}
{{- define "sd-runtime.bucketPath" -}}
/easel/models
{{- end }}

{{/* In Mountpoint's words; https://github.com/awslabs/mountpoint-s3/blob/main/doc/CONFIGURATION.md */}}
{{- define "sd-runtime.mountOptions" -}}
{{- $s3 := .Values.models.s3 -}}
- allow-other
- {{ printf "region %s" (default .Values.aws.region $s3.region) }}
{{- with $s3.prefix }}
- {{ printf "prefix %s/" (trimSuffix "/" .) }}
{{- end }}
- {{ printf "metadata-ttl %d" (int64 $s3.metadataTtlSeconds) }}
{{- if $s3.readOnly }}
- read-only
{{- else }}
- allow-delete
- allow-overwrite
{{- end }}
{{- range $s3.mountOptions }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/*
stsRegion is where a pod's own credentials come from; the driver needs none. Resources are the
Mountpoint pod's: it comes after the runtime's, on the same node.
https://github.com/awslabs/mountpoint-s3-csi-driver/blob/main/docs/CONFIGURATION.md
*/}}
{{- define "sd-runtime.volumeAttributes" -}}
{{- $s3 := .Values.models.s3 -}}
{{- $attributes := dict "bucketName" $s3.bucket "authenticationSource" $s3.authentication -}}
{{- if eq $s3.authentication "pod" }}{{ $_ := set $attributes "stsRegion" .Values.aws.region }}{{ end -}}
{{- if $s3.cache.enabled -}}
{{- $attributes = merge $attributes (dict "cache" "emptyDir" "cacheEmptyDirSizeLimit" $s3.cache.sizeLimit) -}}
{{- end -}}
{{- range $bound := list "requests" "limits" -}}
{{- range $kind := list "cpu" "memory" -}}
{{- with get (get $s3.resources $bound | default dict) $kind -}}
{{- $_ := set $attributes (printf "mountpointContainerResources%s%s" (title $bound) (title $kind)) (toString .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml (merge (deepCopy $s3.volumeAttributes) $attributes) -}}
{{- end }}

{{/*
A volume's source and a claim's volume cannot be changed: another bucket, folder or cache makes
another pair, by the hash in its name, and the pods move over to it.
*/}}
{{- define "sd-runtime.modelsHash" -}}
{{- sha256sum (printf "%s\n%s" (include "sd-runtime.mountOptions" .) (include "sd-runtime.volumeAttributes" .)) | trunc 8 -}}
{{- end }}

{{/*
Helm would delete the pair of another bucket while old pods still mount it: it ends with them, and a
change back would find it dying. See docs/adr/0040.
*/}}
{{- define "sd-runtime.keptAnnotations" -}}
helm.sh/resource-policy: keep
{{- end }}

{{- define "sd-runtime.modelsVolume" -}}
{{- include "sd-runtime.bounded" (list (include "sd-runtime.clusterName" .) (printf "-models-%s" (include "sd-runtime.modelsHash" .))) -}}
{{- end }}

{{- define "sd-runtime.modelsClaim" -}}
{{- if eq .Values.models.source "existingClaim" -}}
{{- .Values.models.existingClaim -}}
{{- else -}}
{{- include "sd-runtime.bounded" (list (include "sd-runtime.name" .) (printf "-models-%s" (include "sd-runtime.modelsHash" .))) -}}
{{- end -}}
{{- end }}
