"""Names of the SNS message attributes that route a task and describe a result."""

RUNTIME = "runtime"
"""Of a task: the runtime whose queue gets it. Of a result: the runtime that made it."""

CHECKPOINT = "sd_model_checkpoint"
"""Of a task: routes it by its checkpoint where no runtime is named (v1alpha1)."""

STATUS = "status"
"""Of a result: completed, failed, cancelled or running, so that a subscriber can filter."""

CALLBACK_URL = "callback_url"
"""Of a result whose sender asked for a callback to a URL: the webhook function's queue filters by
its presence."""
