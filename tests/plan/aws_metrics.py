"""The metrics of AWS that easel's alarms and dashboard name, as AWS documents them."""

DOCUMENTATION = {
    "AWS/ApiGateway": "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html",
    "AWS/DynamoDB": "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html",
    "AWS/Events": "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html",
    "AWS/Lambda": "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
    "AWS/SNS": "https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html",
    "AWS/SQS": "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
    "AWS/Usage": "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-resource-limits.html",
    # Dimensions: expectedDimsToMetrics of aws/amazon-cloudwatch-agent-test, eks_daemon_test.go.
    "ContainerInsights": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/container-insights-eks-classic-metrics.html",
}

_API = {"ApiName", "Stage"}
_FUNCTION = {"FunctionName"}
_QUEUE = {"QueueName"}
_TABLE = {"TableName"}
_CLUSTER = {"ClusterName"}

METRICS: dict[tuple[str, str], set[str]] = {
    ("AWS/ApiGateway", "4XXError"): _API,
    ("AWS/ApiGateway", "5XXError"): _API,
    ("AWS/ApiGateway", "Count"): _API,
    ("AWS/ApiGateway", "Latency"): _API,
    ("AWS/DynamoDB", "ReadThrottleEvents"): _TABLE,
    ("AWS/DynamoDB", "WriteThrottleEvents"): _TABLE,
    ("AWS/Events", "TriggeredRules"): {"RuleName"},
    ("AWS/Lambda", "Duration"): _FUNCTION,
    ("AWS/Lambda", "Errors"): _FUNCTION,
    ("AWS/Lambda", "Throttles"): _FUNCTION,
    ("AWS/SNS", "NumberOfNotificationsFailed"): {"TopicName"},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): _QUEUE,
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): _QUEUE,
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): _QUEUE,
    ("AWS/SQS", "NumberOfMessagesDeleted"): _QUEUE,
    ("AWS/Usage", "ResourceCount"): {"Class", "Resource", "Service", "Type"},
    ("ContainerInsights", "cluster_failed_node_count"): _CLUSTER,
    ("ContainerInsights", "cluster_node_count"): _CLUSTER,
    ("ContainerInsights", "cluster_number_of_running_pods"): _CLUSTER,
    ("ContainerInsights", "node_gpu_memory_utilization"): _CLUSTER,
    ("ContainerInsights", "node_gpu_utilization"): _CLUSTER,
    ("ContainerInsights", "pod_status_pending"): _CLUSTER,
}
"""The dimensions of each, by namespace and name."""
