{{/* The agent's settings: agent/easel_agent/settings.py names and bounds each; agent.settings as they are. */}}
{{- define "sd-runtime.agentEnv" -}}
{{- $settings := list
    (list "RUNTIME_NAME" (include "sd-runtime.runtimeName" .))
    (list "RUNTIME_TYPE" (include "sd-runtime.api" .))
    (list "RUNTIME_URL" (printf "http://127.0.0.1:%s" (include "sd-runtime.port" .)))
    (list "DYNAMIC_MODEL" .Values.runtime.dynamicModel)
    (list "WARM_UP" .Values.runtime.warmUp)
    (list "QUEUE_URL" .Values.queue.url)
    (list "DEAD_LETTER_QUEUE_URL" .Values.queue.deadLetterUrl)
    (list "NOTIFICATIONS_TOPIC_ARN" .Values.notificationsTopicArn)
    (list "OUTPUT_BUCKET" .Values.outputBucket)
    (list "RECORDS_TABLE" .Values.records.table)
    (list "TASK_RETENTION_DAYS" (int64 .Values.records.retentionDays))
    (list "RUNTIME_DEAD_SECONDS" (include "sd-runtime.runtimeDeadSeconds" .))
    (list "HEALTH_HOST" "0.0.0.0")
    (list "HEALTH_PORT" (int64 .Values.agent.healthPort))
    (list "SHUTDOWN_GRACE_SECONDS" (include "sd-runtime.agentGraceSeconds" .)) -}}
{{- range $name, $value := .Values.agent.settings }}
  {{- if kindIs "slice" $value }}{{ $value = join "," $value }}{{ end }}
  {{- /* YAML's numbers are floats here, and long ones would be written with an exponent. */}}
  {{- if kindIs "float64" $value }}{{ if eq $value (floor $value) }}{{ $value = int64 $value }}{{ end }}{{ end }}
  {{- $settings = append $settings (list ($name | snakecase | upper) $value) }}
{{- end }}
{{- if ne .Values.runtime.pricePerHour nil }}
  {{- $settings = concat $settings (list (list "PRICE_PER_HOUR" .Values.runtime.pricePerHour) (list "CURRENCY" .Values.runtime.currency)) }}
{{- end }}
{{- if eq (include "sd-runtime.filesShared" .) "true" }}
  {{- $settings = concat $settings (list (list "RUNTIME_FILES_DIR" (include "sd-runtime.agentFilesPath" .))) }}
{{- end }}
{{- if eq .Values.models.source "s3" }}
  {{- $settings = concat $settings (list (list "MODELS_DIR" (include "sd-runtime.bucketPath" .))) }}
{{- end }}
{{- range $settings }}
- name: EASEL_{{ index . 0 }}
  value: {{ index . 1 | toString | quote }}
{{- end }}
- name: AWS_DEFAULT_REGION
  value: {{ .Values.aws.region | quote }}
# Without its own role the agent is to fail, not to act as the node.
- name: AWS_EC2_METADATA_DISABLED
  value: "true"
{{- with .Values.agent.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sd-runtime.agentContainer" -}}
name: queue-agent
image: {{ include "sd-runtime.image" .Values.agent.image | quote }}
imagePullPolicy: {{ .Values.agent.image.pullPolicy }}
env: {{- include "sd-runtime.agentEnv" . | trim | nindent 2 }}
ports:
  - name: health
    containerPort: {{ .Values.agent.healthPort }}
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  # A new pod worked up to 10 s before a period of 10 s called it ready, and a rollout waited for that.
  periodSeconds: 2
  timeoutSeconds: 2
  # A busy agent may answer late: half a minute, as with the longer period.
  failureThreshold: 15
livenessProbe:
  httpGet:
    path: /livez
    port: health
  initialDelaySeconds: 10
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 4
{{- if eq .Values.models.source "s3" }}
# 75: the mount of the models broke, and only another pod gets another one. This pod then fails, and its
# ReplicaSet makes that one. Whatever else ends the agent, it is started anew. See docs/adr/0045.
restartPolicy: Never
restartPolicyRules:
  - action: Restart
    exitCodes:
      operator: NotIn
      values: [75]
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}
resources: {{- toYaml .Values.agent.resources | nindent 2 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
volumeMounts:
  - name: agent-tmp
    mountPath: /tmp
  {{- if eq .Values.models.source "s3" }}
  # To see when it breaks; the agent reads no model.
  - name: models
    mountPath: {{ include "sd-runtime.bucketPath" . }}
    readOnly: true
  {{- end }}
  {{- if eq (include "sd-runtime.filesShared" .) "true" }}
  - name: runtime-files
    mountPath: {{ include "sd-runtime.agentFilesPath" . }}
  {{- end }}
{{- end }}
