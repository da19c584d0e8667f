{{/* Containers that prepare a volume before the runtime starts; the agent's image brings their Python. */}}
{{- define "sd-runtime.preparation" -}}
image: {{ include "sd-runtime.image" .Values.agent.image | quote }}
imagePullPolicy: {{ .Values.agent.image.pullPolicy }}
command: [python, -c]
resources:
  requests:
    cpu: 50m
    memory: 32Mi
  limits:
    memory: 64Mi
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/*
SD WebUI writes its config.json when the agent sets an option, and a ConfigMap cannot be written:
the file is copied to a volume first.
*/}}
{{- define "sd-runtime.configContainer" -}}
name: copy-config
{{ include "sd-runtime.preparation" . }}
args:
  - |
    import pathlib
    copy = pathlib.Path("/runtime-config/config.json")
    copy.write_text(pathlib.Path("/config/config.json").read_text())
    copy.chmod(0o666)
volumeMounts:
  - name: config
    mountPath: /config
    readOnly: true
  - name: runtime-config
    mountPath: /runtime-config
{{- end }}

{{/*
SD WebUI ends at its start where it cannot make a folder that it misses below models, such as
hypernetworks, and its forks want others: no argument names them all. So its models folder is a
writable one, with a link to each folder of the bucket. See docs/adr/0021.
*/}}
{{- define "sd-runtime.linkContainer" -}}
{{- $bucket := include "sd-runtime.bucketPath" . -}}
name: link-models
{{ include "sd-runtime.preparation" . }}
args:
  - |
    import pathlib, sys
    bucket, models = map(pathlib.Path, sys.argv[1:3])
    for folder in sys.argv[4:]:
        if not (bucket / folder).is_dir():
            sys.exit(f"{sys.argv[3]} has no folder {folder}: put the checkpoints there.")
    # What an earlier start of this pod has left.
    for link in models.iterdir():
        if link.is_symlink():
            link.unlink()
    for one in bucket.iterdir():
        if not (models / one.name).exists():
            (models / one.name).symlink_to(one)
  - {{ $bucket | quote }}
  - /model-links
  - {{ printf "s3://%s/%s" .Values.models.s3.bucket .Values.models.s3.prefix | quote }}
  {{- if eq .Values.runtime.type "sdwebui" }}
  - Stable-diffusion
  {{- end }}
volumeMounts:
  - name: models
    mountPath: {{ $bucket | quote }}
    readOnly: true
  - name: model-links
    mountPath: /model-links
{{- end }}

{{/*
The runtime's user is its image's, often root, and makes folders as its umask says, commonly 755: the
agent, a user of its own, could remove nothing from them. A folder with a default access control list
passes this on to what is made below it, in the umask's place (acl(5)). See docs/adr/0031.
*/}}
{{- define "sd-runtime.filesContainer" -}}
name: share-files
{{ include "sd-runtime.preparation" . }}
args:
  - |
    import os, pathlib, struct, sys
    # linux/posix_acl_xattr.h: version 2; owner (1), group (4), others (32), each with rwx and no id.
    entries = b"".join(struct.pack("<HHI", who, 7, 0xFFFFFFFF) for who in (1, 4, 32))
    for name in sys.argv[2:]:
        folder = pathlib.Path(sys.argv[1], name)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        try:
            os.setxattr(folder, "system.posix_acl_default", struct.pack("<I", 2) + entries)
        except OSError as error:
            print(f"{name}: no default access control list ({error}): files in folders below it stay")
  - /runtime-files
  {{- range splitList " " (include "sd-runtime.sharedFolders" . | trim) }}
  - {{ . }}
  {{- end }}
volumeMounts:
  - name: runtime-files
    mountPath: /runtime-files
{{- end }}
