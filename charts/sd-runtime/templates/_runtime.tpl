{{/* The API that the runtime speaks: sdwebui or comfyui. */}}
{{- define "sd-runtime.api" -}}
{{- if eq .Values.runtime.type "custom" }}{{ .Values.runtime.api }}{{ else }}{{ .Values.runtime.type }}{{ end -}}
{{- end }}

{{- define "sd-runtime.port" -}}
{{- $ports := dict "sdwebui" 7860 "comfyui" 8188 -}}
{{- default (get $ports (include "sd-runtime.api" .)) .Values.runtime.port -}}
{{- end }}

{{/* What the agent asks, too, when it wants to know whether the runtime is there. */}}
{{- define "sd-runtime.readyPath" -}}
{{- $paths := dict "sdwebui" "/sdapi/v1/progress?skip_current_image=true" "comfyui" "/queue" -}}
{{- get $paths (include "sd-runtime.api" .) -}}
{{- end }}

{{/*
SD WebUI reads a checkpoint through mmap by default, which is slow on Mountpoint for S3.
The agent sends pictures as base64, never as URLs: what SD WebUI would fetch by itself could be an
address of the cluster, which the agent's own fetching keeps clear of.
https://github.com/AUTOMATIC1111/stable-diffusion-webui: modules/shared_options,
"disable_mmap_load_safetensors", "api_enable_requests" and "api_forbid_local_requests".
*/}}
{{- define "sd-runtime.webuiConfig" -}}
{{- $config := dict "disable_mmap_load_safetensors" true "api_enable_requests" false "api_forbid_local_requests" true -}}
{{- with .Values.runtime.modelFilename }}
{{- $_ := set $config "sd_model_checkpoint" . -}}
{{- end }}
{{- /* Not merge: it takes a false for nothing said. */ -}}
{{- range $key, $value := .Values.runtime.config }}
{{- $_ := set $config $key $value -}}
{{- end }}
{{- toPrettyJson $config -}}
{{- end }}

{{/* The model bucket's folders under the names that ComfyUI has for their kinds. */}}
{{- define "sd-runtime.comfyuiModelPaths" -}}
easel:
  base_path: {{ .Values.models.mountPath | quote }}
  checkpoints: Stable-diffusion
  loras: Lora
  vae: VAE
  vae_approx: VAE-approx
  controlnet: ControlNet
  clip: CLIP
  embeddings: embeddings
  hypernetworks: hypernetworks
  upscale_models: |
    ESRGAN
    RealESRGAN
    SwinIR
    ScuNET
{{- end }}

{{/* Whether the volumes for what the runtime writes are made: "true" or "false". */}}
{{- define "sd-runtime.filesBounded" -}}
{{- and .Values.runtime.files.enabled (ne .Values.runtime.type "custom") -}}
{{- end }}

{{/* Whether the agent shares these files: "true" or "false". */}}
{{- define "sd-runtime.filesShared" -}}
{{- and (eq (include "sd-runtime.filesBounded" .) "true") (eq .Values.runtime.type "comfyui") -}}
{{- end }}

{{/* The folders of ComfyUI's program that tasks fill; easel_agent knows them by these names. */}}
{{- define "sd-runtime.sharedFolders" -}}
input output temp
{{- end }}

{{/* The folders of the runtime's container that are such volumes, as a JSON list. */}}
{{- define "sd-runtime.filePaths" -}}
{{- $paths := list -}}
{{- if eq (include "sd-runtime.filesBounded" .) "true" -}}
{{- $folders := eq (include "sd-runtime.filesShared" .) "true" | ternary (include "sd-runtime.sharedFolders" . | trim) "outputs" -}}
{{- range splitList " " $folders -}}
{{- $paths = append $paths (printf "%s/%s" $.Values.runtime.home .) -}}
{{- end -}}
{{- $paths = append $paths "/tmp" -}}
{{- end -}}
{{- toJson $paths -}}
{{- end }}

{{/* Where the agent has them. */}}
{{- define "sd-runtime.agentFilesPath" -}}
/var/run/easel/runtime
{{- end }}

{{- define "sd-runtime.configFile" -}}
{{- if eq .Values.runtime.type "sdwebui" }}config.json{{ else if eq .Values.runtime.type "comfyui" }}extra_model_paths.yaml{{ end -}}
{{- end }}
