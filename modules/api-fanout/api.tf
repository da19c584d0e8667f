# ---------------------------------------------------------------------------------------------
# REST API: POST /v1alpha1 and POST /v1alpha2, both to the intake function
# ---------------------------------------------------------------------------------------------

locals {
  versions = toset(["v1alpha1", "v1alpha2"])

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
  authorization        = var.authorization == "AWS_IAM" ? "AWS_IAM" : "NONE"
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
    aws_api_gateway_gateway_response.this,
  ]
}
