# One resource of every kind. `changed` changes each of them that can be changed in place.

variable "changed" {
  type    = bool
  default = false
}

locals {
  word   = var.changed ? "after" : "before"
  lambda = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:${local.word}/invocations"
}

resource "aws_apigatewayv2_api" "chat" {
  name                         = "chat ${local.word}"
  protocol_type                = "WEBSOCKET"
  route_selection_expression   = "$request.body.${local.word}"
  api_key_selection_expression = var.changed ? "$context.authorizer.usageIdentifierKey" : "$request.header.x-api-key"
  description                  = var.changed ? "" : "rooms"
  disable_execute_api_endpoint = var.changed
  version                      = local.word
  tags                         = { (local.word) = "1", kept = local.word }
}

resource "aws_apigatewayv2_model" "text" {
  api_id       = aws_apigatewayv2_api.chat.id
  name         = local.word
  content_type = "application/json"
  description  = local.word
  schema       = jsonencode({ type = "object", title = local.word })
}

resource "aws_apigatewayv2_integration" "backend" {
  api_id               = aws_apigatewayv2_api.chat.id
  integration_type     = "HTTP_PROXY"
  integration_method   = var.changed ? "PUT" : "POST"
  integration_uri      = "http://backend.example/${local.word}"
  description          = local.word
  timeout_milliseconds = var.changed ? 50 : 29000
  request_parameters = {
    "integration.request.header.${local.word}" = "context.connectionId"
    "integration.request.header.kept"          = "'${local.word}'"
  }
}

resource "aws_apigatewayv2_integration" "lambda" {
  api_id                    = aws_apigatewayv2_api.chat.id
  integration_type          = "AWS_PROXY"
  integration_uri           = local.lambda
  content_handling_strategy = "CONVERT_TO_TEXT"
  credentials_arn           = var.changed ? null : "arn:aws:iam::000000000000:role/invoke"
}

resource "aws_apigatewayv2_integration" "mock" {
  api_id                        = aws_apigatewayv2_api.chat.id
  integration_type              = "MOCK"
  passthrough_behavior          = var.changed ? "NEVER" : "WHEN_NO_MATCH"
  request_templates             = { "$default" = jsonencode({ statusCode = var.changed ? 404 : 200 }) }
  template_selection_expression = var.changed ? "\\$default" : null
}

resource "aws_apigatewayv2_integration_response" "mock" {
  api_id                        = aws_apigatewayv2_api.chat.id
  integration_id                = aws_apigatewayv2_integration.mock.id
  integration_response_key      = var.changed ? "/4\\d\\d/" : "$default"
  response_templates            = { (local.word) = "\"done\"" }
  template_selection_expression = local.word
}

resource "aws_apigatewayv2_route" "connect" {
  api_id         = aws_apigatewayv2_api.chat.id
  route_key      = "$connect"
  operation_name = local.word
  target         = "integrations/${var.changed ? aws_apigatewayv2_integration.lambda.id : aws_apigatewayv2_integration.backend.id}"

  request_parameter {
    request_parameter_key = "route.request.querystring.${local.word}"
    required              = true
  }
  request_parameter {
    request_parameter_key = "route.request.header.Kept"
    required              = var.changed
  }
}

resource "aws_apigatewayv2_route" "default" {
  api_id                              = aws_apigatewayv2_api.chat.id
  route_key                           = "$default"
  route_response_selection_expression = var.changed ? null : "$default"
  target                              = "integrations/${aws_apigatewayv2_integration.mock.id}"
}

resource "aws_apigatewayv2_route" "join" {
  api_id    = aws_apigatewayv2_api.chat.id
  route_key = "room/join"
}

resource "aws_apigatewayv2_route_response" "default" {
  api_id             = aws_apigatewayv2_api.chat.id
  route_id           = aws_apigatewayv2_route.default.id
  route_response_key = "$default"
  response_models    = { (local.word) = aws_apigatewayv2_model.text.name }
}

resource "aws_apigatewayv2_deployment" "chat" {
  api_id      = aws_apigatewayv2_api.chat.id
  description = local.word

  depends_on = [
    aws_apigatewayv2_integration_response.mock,
    aws_apigatewayv2_route.connect,
    aws_apigatewayv2_route.join,
    aws_apigatewayv2_route_response.default,
  ]
}

resource "aws_apigatewayv2_stage" "prod" {
  api_id                = aws_apigatewayv2_api.chat.id
  name                  = "prod"
  deployment_id         = aws_apigatewayv2_deployment.chat.id
  description           = local.word
  client_certificate_id = local.word
  stage_variables       = { (local.word) = "1", kept = local.word }
  tags                  = { (local.word) = "1", kept = local.word }

  access_log_settings {
    destination_arn = "arn:aws:logs:us-east-1:000000000000:log-group:${local.word}"
    format          = "$context.requestId"
  }
  default_route_settings {
    data_trace_enabled       = var.changed
    detailed_metrics_enabled = var.changed
    logging_level            = var.changed ? "INFO" : "OFF"
    throttling_burst_limit   = var.changed ? 7 : 5
    throttling_rate_limit    = var.changed ? 2.5 : 10
  }
  route_settings {
    route_key              = var.changed ? "$connect" : "room/join"
    logging_level          = "ERROR"
    throttling_burst_limit = 5
    throttling_rate_limit  = 10
  }

  depends_on = [aws_apigatewayv2_route.connect, aws_apigatewayv2_route.join]
}

resource "aws_apigatewayv2_stage" "auto" {
  api_id      = aws_apigatewayv2_api.chat.id
  name        = "auto"
  auto_deploy = true
}

resource "aws_apigatewayv2_domain_name" "chat" {
  domain_name = "chat.example.com"
  tags        = { (local.word) = "1" }

  domain_name_configuration {
    certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/${local.word}"
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "chat" {
  api_id          = aws_apigatewayv2_api.chat.id
  domain_name     = aws_apigatewayv2_domain_name.chat.id
  stage           = var.changed ? aws_apigatewayv2_stage.auto.name : aws_apigatewayv2_stage.prod.name
  api_mapping_key = var.changed ? "" : "v1/chat"
}

# An API of its own for what asks for authorization, and a stage that serves nothing.

resource "aws_apigatewayv2_api" "guarded" {
  name                       = "guarded"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
}

resource "aws_apigatewayv2_authorizer" "tokens" {
  api_id                     = aws_apigatewayv2_api.guarded.id
  name                       = "tokens ${local.word}"
  authorizer_type            = "REQUEST"
  authorizer_uri             = local.lambda
  authorizer_credentials_arn = var.changed ? null : "arn:aws:iam::000000000000:role/invoke"
  identity_sources           = ["route.request.querystring.${local.word}"]
}

resource "aws_apigatewayv2_route" "guarded" {
  api_id             = aws_apigatewayv2_api.guarded.id
  route_key          = "$connect"
  authorization_type = var.changed ? "AWS_IAM" : "CUSTOM"
  authorizer_id      = var.changed ? null : aws_apigatewayv2_authorizer.tokens.id
}

resource "aws_apigatewayv2_stage" "empty" {
  api_id = aws_apigatewayv2_api.guarded.id
  name   = "empty"
}
