name = "easel"

runtimes = {
  sdruntime = {
    type           = "sdwebui"
    model_filename = "v1-5-pruned-emaonly.safetensors"
  }
}
