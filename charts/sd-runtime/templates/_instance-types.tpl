{{/*
Whether a pod fits on its nodes, whatever their type. Karpenter starts no node for a type that does
not fit, and says so in an event alone: the first task would wait, for days.
*/}}

{{/* A size such as 10Gi, 1.5G or 512Mi in MiB, rounded up; nothing is 0. */}}
{{- define "sd-runtime.mebibytes" -}}
{{- $text := . | toString -}}
{{- $units := dict "" 1 "k" 1e3 "K" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if or (not .) (eq $text "0") -}}
0
{{- else -}}
{{- $number := regexFind "^[0-9]+([.][0-9]+)?" $text -}}
{{- $unit := get $units (trimPrefix $number $text) -}}
{{- if or (not $number) (not $unit) -}}
{{- fail (printf "\n\n%q is no amount of memory: write it like 10Gi or 512Mi\n" $text) -}}
{{- end -}}
{{- divf (mulf (float64 $number) (float64 $unit)) 1048576.0 | ceil | int64 -}}
{{- end -}}
{{- end }}

{{/*
Takes a list: the context, requests or limits. MiB of the pod's containers and of its Mountpoint pod,
together: it must find room beside. A container without a request asks for its limit.
*/}}
{{- define "sd-runtime.summedMebibytes" -}}
{{- $context := index . 0 -}}
{{- $bound := index . 1 -}}
{{- $total := 0 -}}
{{- $parts := list $context.Values.runtime.resources $context.Values.agent.resources -}}
{{- if eq $context.Values.models.source "s3" }}{{ $parts = append $parts $context.Values.models.s3.resources }}{{ end -}}
{{- range $parts -}}
{{- $limit := dig "limits" "memory" 0 . -}}
{{- $size := ternary (dig "requests" "memory" $limit .) $limit (eq $bound "requests") -}}
{{- $total = add $total (include "sd-runtime.mebibytes" $size | int64) -}}
{{- end -}}
{{- $total -}}
{{- end }}

{{/* Takes a list: the context, the type. What is known of it as JSON; {} of an unknown one. */}}
{{- define "sd-runtime.instanceType" -}}
{{- $context := index . 0 -}}
{{- $type := index . 1 -}}
{{- $own := get $context.Values.nodes.moreInstanceTypes $type -}}
{{- if $own -}}
{{- toJson $own -}}
{{- else -}}
{{- $named := splitList "." $type -}}
{{- $family := get ($context.Files.Get "instance-types.json" | fromJson).families (index $named 0) | default dict -}}
{{- $size := get (get $family "sizes" | default dict) (index $named 1) -}}
{{- if $size }}{{ merge (dict "architecture" $family.architecture) $size | toJson }}{{ else }}{}{{ end -}}
{{- end -}}
{{- end }}

{{/* Takes a list: the context, the type. What keeps pods off it; empty: nothing. */}}
{{- define "sd-runtime.instanceTypeProblem" -}}
{{- $context := index . 0 -}}
{{- $known := include "sd-runtime.instanceType" . | fromJson -}}
{{- $gpus := int $context.Values.runtime.gpus -}}
{{- $requested := include "sd-runtime.summedMebibytes" (list $context "requests") | int64 -}}
{{- $limited := include "sd-runtime.summedMebibytes" (list $context "limits") | int64 -}}
{{- if not $known -}}
is unknown to this chart: correct its name, or describe it in nodes.moreInstanceTypes
{{- else if ne $known.architecture "amd64" -}}
{{ printf "is %s, and the images are for amd64: choose a type such as g5.xlarge" $known.architecture }}
{{- else if lt (int $known.gpus) $gpus -}}
{{ printf "has %d whole NVIDIA GPUs, and a pod needs %d: choose a type such as %s, or lower runtime.gpus" (int $known.gpus) $gpus (ternary "g5.xlarge" "g5.12xlarge (4)" (le $gpus 1)) }}
{{- else if lt (int64 $known.memoryMi) $requested -}}
{{ printf "leaves %d MiB to pods, and a pod with its Mountpoint pod asks for %d MiB: choose a larger type, or lower runtime.resources.requests.memory" (int64 $known.memoryMi) $requested }}
{{- else if lt (int64 $known.memoryMi) $limited -}}
{{ printf "leaves %d MiB to pods, and a pod with its Mountpoint pod may take %d MiB: the kernel would kill one of them when they do. Choose a larger type, or lower runtime.resources.limits.memory" (int64 $known.memoryMi) $limited }}
{{- end -}}
{{- end }}

{{- define "sd-runtime.instanceTypeProblems" -}}
{{- $problems := list -}}
{{- if .Values.nodes.create -}}
{{- range $index, $pool := .Values.nodes.pools -}}
{{- $where := ternary (printf "nodes.pools[%d].instanceTypes" $index) "nodes.instanceTypes" (not (empty $pool.instanceTypes)) -}}
{{- range $type := default $.Values.nodes.instanceTypes $pool.instanceTypes -}}
{{- with include "sd-runtime.instanceTypeProblem" (list $ $type) | trim -}}
{{- $problems = append $problems (printf "%s: %s %s" $where $type .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- uniq $problems | toJson -}}
{{- end }}
