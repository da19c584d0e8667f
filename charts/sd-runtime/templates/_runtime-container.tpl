{{- define "sd-runtime.runtimeEnv" -}}
{{- if eq .Values.runtime.type "sdwebui" -}}
# SD WebUI adds these to its arguments, whatever the image's own command is. Of what is given twice
# the last counts. Embeddings it would look for beside its models.
- name: COMMANDLINE_ARGS
  value: {{ concat (list "--api" "--listen" "--port" (include "sd-runtime.port" .) "--embeddings-dir" (printf "%s/embeddings" .Values.models.mountPath)) .Values.runtime.webuiArgs | join " " | quote }}
{{- end }}
{{- with .Values.runtime.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The GPU stands in requests and limits: Kubernetes wants them alike. */}}
{{- define "sd-runtime.runtimeResources" -}}
{{- $resources := deepCopy .Values.runtime.resources -}}
{{- if .Values.runtime.gpus -}}
{{- range $kind := list "requests" "limits" -}}
{{- $_ := set $resources $kind (merge (dict "nvidia.com/gpu" ($.Values.runtime.gpus | toString)) (get $resources $kind | default dict)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end }}

{{- define "sd-runtime.runtimeMounts" -}}
- name: models
  mountPath: {{ ternary (include "sd-runtime.bucketPath" .) .Values.models.mountPath (eq (include "sd-runtime.modelsLinked" .) "true") | quote }}
  readOnly: {{ and (eq .Values.models.source "s3") .Values.models.s3.readOnly }}
{{- if eq (include "sd-runtime.modelsLinked" .) "true" }}
- name: model-links
  mountPath: {{ .Values.models.mountPath | quote }}
{{- end }}
- name: shared-memory
  mountPath: /dev/shm
{{- if eq (include "sd-runtime.filesShared" .) "true" }}
{{- range splitList " " (include "sd-runtime.sharedFolders" . | trim) }}
- name: runtime-files
  mountPath: {{ printf "%s/%s" $.Values.runtime.home . | quote }}
  subPath: {{ . }}
{{- end }}
{{- else if eq (include "sd-runtime.filesBounded" .) "true" }}
- name: runtime-files
  mountPath: {{ printf "%s/outputs" .Values.runtime.home | quote }}
{{- end }}
{{- if eq (include "sd-runtime.filesBounded" .) "true" }}
- name: runtime-tmp
  mountPath: /tmp
{{- end }}
{{- with include "sd-runtime.configFile" . }}
- name: {{ ternary "runtime-config" "config" (eq $.Values.runtime.type "sdwebui") }}
  mountPath: {{ printf "%s/%s" $.Values.runtime.home . | quote }}
  subPath: {{ . }}
{{- end }}
{{- with .Values.runtime.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
A restartable init container (native sidecar): the agent begins once the startup probe has passed,
and Kubernetes stops the runtime only after the agent has ended. As main containers both would be
stopped at once, and the task at hand would be lost.
*/}}
{{- define "sd-runtime.runtimeContainer" -}}
name: runtime
restartPolicy: Always
image: {{ include "sd-runtime.image" .Values.runtime.image | quote }}
imagePullPolicy: {{ .Values.runtime.image.pullPolicy }}
{{- with .Values.runtime.command }}
command: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.runtime.args }}
args: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "sd-runtime.runtimeEnv" . | trim }}
env: {{- . | nindent 2 }}
{{- end }}
ports:
  - name: runtime
    containerPort: {{ include "sd-runtime.port" . }}
startupProbe:
  httpGet:
    path: {{ include "sd-runtime.readyPath" . | quote }}
    port: runtime
  periodSeconds: {{ .Values.runtime.startupProbe.periodSeconds }}
  timeoutSeconds: 5
  failureThreshold: {{ divf .Values.runtime.startupProbe.limitSeconds .Values.runtime.startupProbe.periodSeconds | ceil | int }}
{{- with .Values.runtime.livenessProbe }}
{{- if .enabled }}
# The agent's word: it knows of a runtime that answers and does no job well any more, too.
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ $.Values.agent.healthPort }}
  periodSeconds: {{ .periodSeconds }}
  timeoutSeconds: {{ .timeoutSeconds }}
  failureThreshold: {{ .failureThreshold }}
{{- end }}
{{- end }}
resources: {{- include "sd-runtime.runtimeResources" . | nindent 2 }}
securityContext: {{- toYaml .Values.runtime.securityContext | nindent 2 }}
volumeMounts: {{- include "sd-runtime.runtimeMounts" . | nindent 2 }}
{{- end }}
