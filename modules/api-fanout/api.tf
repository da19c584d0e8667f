# ---------------------------------------------------------------------------------------------
# REST API: POST to a version sends a task, to the intake function; everything below /v1alpha2 tells
# of tasks and runtimes, by the reader function
# ---------------------------------------------------------------------------------------------

locals {
  versions = toset(["v1alpha1", "v1alpha2"])

  # The reader's routes: resource by name (below), and method.
  reader_routes = {
    list     = { resource = "tasks", method = "GET" }
    show     = { resource = "task", method = "GET" }
    cancel   = { resource = "cancel", method = "POST" }
    runtimes = { resource = "runtimes", method = "GET" }
  }

  reader_resource_ids = {
    tasks    = aws_api_gateway_resource.tasks.id
    task     = aws_api_gateway_resource.task.id
    cancel   = aws_api_gateway_resource.cancel.id
    runtimes = aws_api_gateway_resource.runtimes.id
  }

  method_authorization = var.authorization == "AWS_IAM" ? "AWS_IAM" : "NONE"

  # Keeps what is not an object away from the function. What an object must hold is the function's
  # to say: it names every problem at once, in words.
  task_request_schema = jsonencode({
    "$schema" = "http://json-schema.org/draft-04/schema#"
    title     = "TaskRequest"
    type      = "object"
  })
}

resource "aws_api_gateway_rest_api" "this" {
  name        = var.name
  description = "Takes Stable Diffusion tasks for ${var.name}"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  # Names may repeat: where it must be replaced, the new one stands before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_model" "task_request" {
  rest_api_id  = aws_api_gateway_rest_api.this.id
  name         = "TaskRequest"
  description  = "Any JSON object; the intake function checks the rest"
  content_type = "application/json"
  schema       = local.task_request_schema
}

resource "aws_api_gateway_request_validator" "body" {
  rest_api_id           = aws_api_gateway_rest_api.this.id
  name                  = "body"
  validate_request_body = true
}

resource "aws_api_gateway_resource" "version" {
  for_each = local.versions

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = each.key
}

resource "aws_api_gateway_method" "post" {
  for_each = local.versions

  rest_api_id          = aws_api_gateway_rest_api.this.id
  resource_id          = aws_api_gateway_resource.version[each.key].id
  http_method          = "POST"
  authorization        = local.method_authorization
  api_key_required     = var.authorization == "API_KEY"
  request_validator_id = aws_api_gateway_request_validator.body.id
  request_models       = { "application/json" = aws_api_gateway_model.task_request.name }
}

resource "aws_api_gateway_integration" "intake" {
  for_each = local.versions

  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = aws_api_gateway_resource.version[each.key].id
  http_method             = aws_api_gateway_method.post[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.intake.invoke_arn
}

resource "aws_api_gateway_resource" "tasks" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.version["v1alpha2"].id
  path_part   = "tasks"
}

resource "aws_api_gateway_resource" "task" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.tasks.id
  path_part   = "{task}"
}

resource "aws_api_gateway_resource" "cancel" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.task.id
  path_part   = "cancel"
}

resource "aws_api_gateway_resource" "runtimes" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.version["v1alpha2"].id
  path_part   = "runtimes"
}

resource "aws_api_gateway_method" "reader" {
  #checkov:skip=CKV2_AWS_53:No route of it takes a body; the reader function checks parameters itself, and names every problem at once
  for_each = local.reader_routes

  rest_api_id      = aws_api_gateway_rest_api.this.id
  resource_id      = local.reader_resource_ids[each.value.resource]
  http_method      = each.value.method
  authorization    = local.method_authorization
  api_key_required = var.authorization == "API_KEY"
}

resource "aws_api_gateway_integration" "reader" {
  for_each = local.reader_routes

  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = local.reader_resource_ids[each.value.resource]
  http_method             = aws_api_gateway_method.reader[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.reader.invoke_arn
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  description = "Managed by Terraform"

  # Ids, uris and our own text only: whole resources hold computed fields that change without a
  # change.
  triggers = {
    redeployment = sha1(jsonencode([
      [for resource in aws_api_gateway_resource.version : resource.id],
      [for method in aws_api_gateway_method.post : [method.id, var.authorization]],
      [for integration in aws_api_gateway_integration.intake : [integration.id, integration.uri]],
      values(local.reader_resource_ids),
      [for method in aws_api_gateway_method.reader : [method.id, var.authorization]],
      [for integration in aws_api_gateway_integration.reader : [integration.id, integration.uri]],
      local.task_request_schema,
      local.gateway_responses,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  # A deployment is a snapshot: it must come after all that it is to hold.
  depends_on = [
    aws_api_gateway_integration.intake,
    aws_api_gateway_integration.reader,
    aws_api_gateway_gateway_response.this,
  ]
}
