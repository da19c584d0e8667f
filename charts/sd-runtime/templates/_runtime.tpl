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
https://github.com/AUTOMATIC1111/stable-diffusion-webui: modules/shared_options, "disable_mmap_load_safetensors".
*/}}
{{- define "sd-runtime.webuiConfig" -}}
{{- $config := dict "disable_mmap_load_safetensors" true -}}
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

{{- define "sd-runtime.configFile" -}}
{{- if eq .Values.runtime.type "sdwebui" }}config.json{{ else if eq .Values.runtime.type "comfyui" }}extra_model_paths.yaml{{ end -}}
{{- end }}
