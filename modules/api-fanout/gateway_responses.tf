# ---------------------------------------------------------------------------------------------
# What API Gateway itself answers, in the same shape as the functions' errors
# ---------------------------------------------------------------------------------------------

locals {
  routes = "send tasks by POST to /v1alpha1 or /v1alpha2, ask for them by GET at /v1alpha2/tasks and /v1alpha2/runtimes"

  # What depends on how a request proves who sends it.
  authorization_responses = {
    API_KEY = {
      # A missing key is an invalid key to API Gateway.
      INVALID_API_KEY   = { status = "401", code = "unauthorized", message = "the x-api-key header is missing or holds no valid API key" }
      ACCESS_DENIED     = { status = "403", code = "forbidden", message = "access to this API is denied" }
      EXPIRED_TOKEN     = { status = "403", code = "forbidden", message = "the Authorization header holds an expired token; this API needs x-api-key only" }
      INVALID_SIGNATURE = { status = "403", code = "forbidden", message = "the Authorization header holds an invalid signature; this API needs x-api-key only" }
      QUOTA_EXCEEDED    = { status = "429", code = "throttled", message = "the API key's quota is used up" }
      # API Gateway's name for any path or method that does not exist.
      MISSING_AUTHENTICATION_TOKEN = { status = "404", code = "not_found", message = "no such path or method: ${local.routes}" }
    }
    AWS_IAM = {
      ACCESS_DENIED     = { status = "403", code = "forbidden", message = "the signature is valid, but its principal may not use this API: it needs execute-api:Invoke on the stack's execution_arn" }
      EXPIRED_TOKEN     = { status = "403", code = "forbidden", message = "the credentials that signed the request have expired: take new ones" }
      INVALID_SIGNATURE = { status = "403", code = "forbidden", message = "the signature is wrong: sign the request as it is sent, with Signature Version 4 for service execute-api in the API's region, and a clock that is right" }
      # Here it is also API Gateway's name for a request without a signature.
      MISSING_AUTHENTICATION_TOKEN = { status = "401", code = "unauthorized", message = "the request has no signature, or there is no such path or method: ${local.routes}, signed with Signature Version 4 for service execute-api" }
    }
  }

  # status null: API Gateway's own. message null: API Gateway's own words, which it quotes itself.
  gateway_responses = merge(local.authorization_responses[var.authorization], {
    UNAUTHORIZED            = { status = "401", code = "unauthorized", message = "the request is not authorized" }
    WAF_FILTERED            = { status = "403", code = "forbidden", message = "the request was blocked by a firewall rule" }
    BAD_REQUEST_BODY        = { status = "400", code = "invalid_request", message = "the body must be a JSON object" }
    BAD_REQUEST_PARAMETERS  = { status = "400", code = "invalid_request", message = "a parameter or header of the request is wrong" }
    RESOURCE_NOT_FOUND      = { status = "404", code = "not_found", message = "no such path: ${local.routes}" }
    REQUEST_TOO_LARGE       = { status = "413", code = "payload_too_large", message = "the request is too large" }
    UNSUPPORTED_MEDIA_TYPE  = { status = "415", code = "unsupported_media_type", message = "the Content-Type must be application/json" }
    THROTTLED               = { status = "429", code = "throttled", message = "too many requests: try again in a second" }
    API_CONFIGURATION_ERROR = { status = "500", code = "internal_error", message = "the API is not configured correctly" }
    INTEGRATION_FAILURE     = { status = "502", code = "internal_error", message = "the function behind the API failed: try again" }
    INTEGRATION_TIMEOUT     = { status = "504", code = "internal_error", message = "the function behind the API did not answer in time: try again" }
    DEFAULT_4XX             = { status = null, code = "invalid_request", message = null }
    DEFAULT_5XX             = { status = null, code = "internal_error", message = null }
  })

  # A value that API Gateway fills in, with the quotes around it.
  gateway_message = "$context.error.messageString"
}

resource "aws_api_gateway_gateway_response" "this" {
  for_each = local.gateway_responses

  rest_api_id   = aws_api_gateway_rest_api.this.id
  response_type = each.key
  status_code   = each.value.status

  response_templates = {
    "application/json" = replace(
      jsonencode({
        error = {
          code    = each.value.code
          message = coalesce(each.value.message, local.gateway_message)
          details = []
        }
      }),
      jsonencode(local.gateway_message), local.gateway_message,
    )
  }

  response_parameters = each.key == "THROTTLED" ? { "gatewayresponse.header.Retry-After" = "'1'" } : {}
}
