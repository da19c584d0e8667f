# ---------------------------------------------------------------------------------------------
# The agent's settings: names, bounds and defaults are the chart's, which has them from the agent.
# ---------------------------------------------------------------------------------------------

locals {
  given_agent_settings = merge(var.agent, {
    visibility_timeout_seconds = var.queue.visibility_timeout_seconds
    max_attempts               = var.queue.max_attempts
  })

  # task_timeout_seconds is taskTimeoutSeconds there.
  agent_settings = {
    for name, value in local.given_agent_settings :
    join("", [for index, word in split("_", name) : index == 0 ? word : title(word)]) => value if value != null
  }

  default_agent_settings = local.chart_values.agent.settings
  # extra_values_yaml is laid over all.
  task_timeout_seconds       = try(local.own_values.agent.settings.taskTimeoutSeconds, local.agent_settings.taskTimeoutSeconds, local.default_agent_settings.taskTimeoutSeconds)
  visibility_timeout_seconds = try(local.agent_settings.visibilityTimeoutSeconds, local.default_agent_settings.visibilityTimeoutSeconds)

  # Helm would name what is out of bounds at the end of an apply only.
  agent_setting_bounds = jsondecode(file("${path.module}/../../charts/sd-runtime/values.schema.json")).properties.agent.properties.settings.properties
  agent_setting_problems = [
    for name, value in local.agent_settings : "${name} is ${jsonencode(value)}, and must be ${join(", ", [
      for bound, limit in local.agent_setting_bounds[name] : "${bound} ${jsonencode(limit)}" if bound != "default"
    ])}"
    if try(value < local.agent_setting_bounds[name].minimum, false)
    || try(value <= local.agent_setting_bounds[name].exclusiveMinimum, false)
    || try(value > local.agent_setting_bounds[name].maximum, false)
    || try(!contains(local.agent_setting_bounds[name].enum, value), false)
    || (local.agent_setting_bounds[name].type == "integer" && try(floor(value) != value, false))
  ]
}
