{{/*
Kubernetes' names and labels end at 63 characters. A name that would be longer keeps its
beginning and gets a hash of the whole, so that two long names stay different.
Takes a list: the name, the suffix.
*/}}
{{- define "sd-runtime.bounded" -}}
{{- $name := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $room := sub 63 (len $suffix) | int -}}
{{- if gt (len $name) $room -}}
{{- $name = printf "%s-%s" (trunc (int (sub $room 9)) $name | trimSuffix "-") (sha256sum $name | trunc 8) -}}
{{- end -}}
{{- printf "%s%s" $name $suffix -}}
{{- end }}

{{- define "sd-runtime.name" -}}
{{- include "sd-runtime.bounded" (list (default .Release.Name .Values.nameOverride) "") -}}
{{- end }}

{{/* Objects without a namespace: two releases of one name in two namespaces must not share them. */}}
{{- define "sd-runtime.clusterName" -}}
{{- include "sd-runtime.bounded" (list (printf "%s-%s" .Release.Namespace (include "sd-runtime.name" .)) "") -}}
{{- end }}

{{- define "sd-runtime.runtimeName" -}}
{{- default .Release.Name .Values.runtime.name -}}
{{- end }}

{{- define "sd-runtime.serviceAccountName" -}}
{{- default (ternary (include "sd-runtime.name" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{/* Takes a list: the context, the pool. */}}
{{- define "sd-runtime.poolName" -}}
{{- $context := index . 0 -}}
{{- $pool := index . 1 -}}
{{- include "sd-runtime.bounded" (list (include "sd-runtime.clusterName" $context) (printf "-%s" $pool.name)) -}}
{{- end }}

{{- define "sd-runtime.selectorLabels" -}}
app.kubernetes.io/name: sd-runtime
app.kubernetes.io/instance: {{ include "sd-runtime.bounded" (list .Release.Name "") }}
{{- end }}

{{- define "sd-runtime.labels" -}}
{{ include "sd-runtime.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: easel
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes an image: repository, digest or tag. */}}
{{- define "sd-runtime.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end }}
